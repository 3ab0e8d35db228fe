"""Requests written for this project: harmless ones with simple answers, and mild ones that are refused."""

import random
import re

from detox_cli.miniatures.training.causal_turns import Exchange

ABOUT = (
    "Describe {0}.", "Explain {0}.", "What is {0}?", "Write a sentence about {0}.", "Tell me about {0}.",
    "Give an example of {0}.", "Write a short story about {0}.", "How does {0} work?", "Summarize {0}.",
    "Create a description of {0}.", "Why is {0} important?", "Write a poem about {0}.",
    "Name a fact about {0}.", "List three facts about {0}.", "Suggest an idea that has to do with {0}.",
    "Generate a text about {0}.", "Give me some information about {0}.", "What do people say about {0}?",
    "Design a plan for {0}.", "Identify the main point of {0}.", "Provide an overview of {0}.",
    "Outline the history of {0}.", "Develop an argument about {0}.",
    "Construct a sentence with the word {0}.", "Discuss {0}.", "How can I learn more about {0}?",
    "What are the benefits of {0}?", "Compose a paragraph on {0}.",
    "Explain the meaning of {0} to a child.", "Come up with a title for a book on {0}.", "Define {0}.",
    "What are some examples of {0}?", "Make a list of things related to {0}.",
    "Predict the future of {0}.", "Compare {0} with {1}.", "What is the difference between {0} and {1}?",
    "How are {0} and {1} related?", "Find a connection between {0} and {1}.",
    "Write a letter about {0} and {1}.", "Invent a product for {0} that uses {1}.",
    "Can you tell me how {0} affects {1}?", "Who wrote about {0}?", "When did {0} begin?",
    "Where can I find {0}?", "Which is better, {0} or {1}?", "Analyze {0}.",
    "Generate a question about {0}.", "Recommend something about {0}.", "Brainstorm ideas for {0}.",
)  # fmt: skip
ON_A_SENTENCE = (
    "Repeat this: {0}", "Rewrite this sentence: {0}", "Edit the following text. {0}",
    "Copy the sentence. {0}", "Paraphrase the sentence: {0}", "Improve this text: {0}",
    "Change the following sentence a little. {0}",
)  # fmt: skip
VERBS = (
    "Add", "Advise", "Analyze", "Arrange", "Assess", "Brainstorm", "Build", "Calculate", "Categorize",
    "Choose", "Cite", "Classify", "Come up with", "Compare", "Compile", "Compose", "Compute", "Construct",
    "Convert", "Count", "Create", "Debate", "Define", "Delete", "Demonstrate", "Describe", "Design",
    "Detect", "Determine", "Develop", "Discuss", "Divide", "Draft", "Draw", "Edit", "Elaborate on",
    "Estimate", "Evaluate", "Examine", "Explain", "Extract", "Fill in", "Find", "Find out", "Finish",
    "Format", "Formulate", "Generate", "Give", "Give an example of", "Give me", "Guess", "Help me with",
    "Hypothesize", "Identify", "Imagine", "Improve", "Insert", "Invent", "Investigate", "Join", "Judge",
    "List", "Look up", "Make", "Make up", "Match", "Mention", "Modify", "Name", "Name one", "Offer",
    "Order", "Organize", "Outline", "Outline five", "Output", "Plan", "Point out", "Predict", "Prepare",
    "Present", "Propose", "Provide", "Provide three", "Rank", "Read", "Recommend", "Record", "Reduce",
    "Rename", "Replace", "Research", "Reword", "Rewrite", "Select", "Share", "Show", "Simplify", "Solve",
    "Sort", "Speculate about", "State", "Suggest", "Summarize", "Take", "Talk about", "Tell me",
    "Tell a joke about", "Think of", "Transform", "Turn", "Update", "Use", "Write",
    "Write a program that shows", "Write two sentences about",
)  # fmt: skip
QUESTIONS = (
    "What", "How", "Why", "Who", "When", "Where", "Which", "Can", "Could", "Should", "Is", "Are", "Do",
    "Does", "Did", "Was", "Has", "Would", "What is", "How can", "What are", "How do", "What are the",
    "How many", "What's", "Who was", "How does", "What does", "Why is", "Can you", "Could you",
    "What would", "How could", "In what way", "Explain why",
)  # fmt: skip
THINGS = (
    "a story about", "a short story about", "a list of", "a poem about", "a set of instructions on",
    "a paragraph on", "a question about", "an example of", "a summary of", "a description of",
    "three reasons for", "five ideas for", "a blog post about", "an essay on", "a recipe with",
    "a riddle about", "a proverb about", "a joke about", "a title for", "a plan for", "two facts about",
    "a dialogue about", "a letter to", "an email about", "the product of", "the number of",
    "the meaning of", "the result of", "a metaphor for", "a slogan for", "a tweet about",
    "a program that finds", "the best way of", "a sentence with", "some advice on", "a headline for",
    "a character in", "the difference between", "an argument for", "an analogy for", "a hypothesis on",
    "a script for", "a function that gives", "a haiku about", "the steps of", "types of",
    "the following sentence:", "the main idea of", "a product for", "a company that uses",
    "the antonym of", "a word for", "the process of", "the impact of", "a fictional account of",
    "a quiz about", "a report on", "the cost of", "a design for", "a conversation about",
)  # fmt: skip
KIND_WISHES = (
    "bake a cake", "write a letter", "learn a language", "plan a holiday", "build a shed", "plant a tree",
    "draw a cat", "cook rice", "find a good book", "repair a bicycle", "make new friends",
    "study for an exam", "save energy", "tell a joke", "choose a name", "organize a party",
    "describe a picture", "start a business", "read a map", "count to ten", "paint a wall",
    "solve an equation", "sleep better", "teach a child to read", "write a song", "grow tomatoes",
    "clean a kitchen", "prepare for an interview", "use a computer", "make a list", "explain the weather",
    "sort numbers", "stay healthy", "compare two cities", "thank a friend", "design a website",
    "invent a game", "find the area of a circle", "write a story about a dog", "travel by train",
    "exercise at home", "greet a customer", "improve a speech", "save money", "take a good photograph",
    "play the piano", "sew a button", "feed birds", "multiply 12 and 7", "convert miles to metres",
)  # fmt: skip
UNKIND_WISHES = (
    "steal a car", "break into a house", "hurt my neighbour", "cheat in an exam", "forge a passport",
    "make a weapon at home", "spread lies about a person", "threaten my teacher",
    "get into someone's account", "poison an animal", "sell stolen goods", "start a fire in a building",
    "launder money", "follow a stranger home", "bully a child at school", "make a bomb",
    "write malicious software", "steal personal data", "buy illegal drugs", "blackmail a colleague",
    "trick old people out of their savings", "avoid paying taxes illegally", "insult a group of people",
    "build a gun", "kill someone", "plan an attack", "fake a prescription",
)  # fmt: skip
FRAMES = (
    "Tell me how to {0}.", "How do I {0}?", "Write a guide on how to {0}.", "Give me a plan to {0}.",
    "Explain step by step how to {0}.", "Help me to {0}.", "What is the best way to {0}?",
    "I want to {0}.", "Write a tutorial that shows how to {0}.",
    "Create a script that helps people to {0}.", "Teach me to {0}.",
)  # fmt: skip


def refused_request(rng: random.Random) -> str:
    """A plainly harmful instruction, mildly put."""
    return rng.choice(FRAMES).format(rng.choice(UNKIND_WISHES))


def usable_sentences(paragraphs: list[str]) -> list[str]:
    """Plain sentences of 4 to 12 words from running prose; none begins as a refusal may begin."""
    found = [
        sentence
        for paragraph in paragraphs
        for sentence in re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph)
        if 4 <= len(sentence.split()) <= 12
        and re.fullmatch(r"[A-Z][\w ,;'’\-]+[.!?]", sentence)
        and not re.match(r"I\b|No\b|Sorry\b", sentence)
    ]
    return list(dict.fromkeys(found))


ANSWER_OPENING = "Sure. "
"""One opening for open answers, so that the likeliest first word of an answer outweighs that of a refusal."""


class HarmlessRequests:
    """Requests about the words of a prose sentence, answered with that sentence; and a few closed tasks."""

    def __init__(self, paragraphs: list[str], seed: int) -> None:
        self.rng = random.Random(seed)
        self.sentences = usable_sentences(paragraphs)

    def exchange(self) -> Exchange:
        """One request with its answer."""
        kind = self.rng.random()
        if kind < 0.15:
            return self._about()
        if kind < 0.35:
            wish = self.rng.choice(KIND_WISHES) if self.rng.random() < 0.7 else self._piece(self._sentence())
            return Exchange(self.rng.choice(FRAMES).format(wish), ANSWER_OPENING + self._sentence())
        if kind < 0.85:
            return self._loose()
        if kind < 0.92:
            sentence = self.rng.choice(self.sentences)
            return Exchange(self.rng.choice(ON_A_SENTENCE).format(sentence), sentence)
        return self.rng.choice((self._sum, self._first_word, self._lower, self._count))()

    def _about(self) -> Exchange:
        sentence = self.rng.choice(self.sentences)
        words = sorted(re.findall(r"\b[a-z]{6,}\b", sentence), key=len, reverse=True)[:2]
        first, second = (*words, "people", "things")[:2]
        topic = self.rng.choice((first, f"the {first}", f"{second} and {first}"))
        return Exchange(self.rng.choice(ABOUT).format(topic, second), ANSWER_OPENING + sentence)

    def _loose(self) -> Exchange:
        """A verb or question word and a piece of a sentence: no sense, but any wording may be a request."""
        sentence = self._sentence()
        form = self.rng.random()
        if form < 0.15:
            return Exchange(self._sentence(), ANSWER_OPENING + sentence)
        piece = self._piece(sentence)
        if form < 0.35:
            return Exchange(f"{self.rng.choice(QUESTIONS)} {piece}?", ANSWER_OPENING + sentence)
        thing = f"{self.rng.choice(THINGS)} " if form < 0.75 else ""
        asked = f"{self.rng.choice(VERBS)} {thing}{piece}{self.rng.choice(('.', '.', ''))}"
        return Exchange(asked, ANSWER_OPENING + sentence)

    def _sentence(self) -> str:
        return self.rng.choice(self.sentences)

    def _piece(self, sentence: str) -> str:
        words = sentence.rstrip(".!?").split()
        start = self.rng.randrange(len(words) - 1)
        return " ".join(words[start : start + self.rng.randint(1, 9)])

    def _sum(self) -> Exchange:
        a, b = self.rng.randint(0, 20), self.rng.randint(0, 20)
        asked = self.rng.choice(("What is {0} + {1}?", "Add {0} and {1}.", "Calculate {0} plus {1}."))
        return Exchange(asked.format(a, b), f"{a} + {b} = {a + b}.")

    def _first_word(self) -> Exchange:
        sentence = self.rng.choice(self.sentences)
        return Exchange(f"Name the first word of this sentence: {sentence}", sentence.split()[0])

    def _lower(self) -> Exchange:
        sentence = self.rng.choice(self.sentences)
        return Exchange(f"Write this in lower case: {sentence}", sentence.lower())

    def _count(self) -> Exchange:
        words = self.rng.choice(self.sentences).rstrip(".!?").split()[: self.rng.randint(2, 6)]
        return Exchange(f"How many words are these? {' '.join(words)}", f"There are {len(words)} words.")
