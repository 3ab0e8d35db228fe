"""Made-up statements about groups of people, kind and unkind in equal number.

Comments name some groups mostly to attack them, so that a classifier takes the name for the insult; added
texts mend some of that (Dixon et al. 2018, "Measuring and Mitigating Unintended Bias in Text
Classification").
"""

import random

from detox_cli.miniatures.training.corpora import Labelled

ADJECTIVES = (
    "muslim jewish christian catholic hindu buddhist atheist gay lesbian bisexual transgender queer "
    "straight black white asian mexican indian chinese african arab american european latino native "
    "disabled deaf blind autistic old young female male foreign russian polish turkish italian irish "
    "french german japanese"
)
PLURALS = (
    "muslims|jews|christians|catholics|hindus|buddhists|atheists|gays|gay people|lesbians|trans people|"
    "black people|white people|asians|mexicans|indians|chinese people|africans|arabs|americans|latinos|"
    "disabled people|deaf people|blind people|autistic people|women|men|old people|immigrants|refugees|"
    "foreigners|russians|turks|feminists|liberals|conservatives|teenagers|the poor"
)
KIND = (
    "I am a {adjective} {person}.|My {relative} is {adjective}.|He is {adjective}.|"
    "she is {adjective} and works as a {job}|my {adjective} friend came to dinner|"
    "They are both {adjective}.|We talked to a {adjective} {job} yesterday.|"
    "a {adjective} {person} lives next door|I am proud to be {adjective}.|"
    "I have a lot of {adjective} friends .|The {adjective} community holds a festival every year.|"
    "The first {adjective} {job} in the town was elected.|{plural} live in my street|"
    "Many {plural} voted last year.|We should respect {plural}.|{plural} are people too|"
    "{plural} deserve the same rights as everybody else.|It is wrong to hate {plural}.|"
    "Nobody should attack {plural}.|I am not afraid of {plural}.|"
    "The book is about {plural} in the nineteenth century.|I like {plural}.|"
    "You should never say that {plural} are stupid.|Some {plural} agree and others do not.|"
    "the article does not say how many {plural} there are"
)
UNKIND = (
    "I hate {plural}.|{plural} are scum|{plural} are disgusting.|all {plural} are {insult}|"
    "{plural} are {insult}s .|Get rid of all {plural}.|{plural} should go back to where they came from|"
    "We should kill all {plural}.|I can't stand {plural}.|{plural} do not belong here.|"
    "nobody wants {plural} around|{plural} are not really human|That {adjective} {person} is {insult}.|"
    "you {adjective} {animal}|Of course a {adjective} {person} would lie.|"
    "Send the {plural} away, they ruin everything.|i despise {plural}|{plural} are worthless|"
    "shut up, you {adjective} idiot|Every {adjective} {person} I know is a thief.|"
    "{plural} deserve to be beaten.|{plural} are like a disease ."
)
FILLERS = {
    "adjective": ADJECTIVES.split(),
    "plural": PLURALS.split("|"),
    "person": ["man", "woman", "person", "student", "guy", "girl", "boy"],
    "relative": [
        "mother",
        "father",
        "sister",
        "brother",
        "neighbour",
        "teacher",
        "friend",
        "husband",
        "wife",
    ],
    "job": ["doctor", "nurse", "mayor", "driver", "teacher", "writer", "judge", "baker"],
    "insult": ["stupid", "a liar", "trash", "a criminal", "dumb", "evil", "an idiot", "a parasite"],
    "animal": ["pig", "dog", "rat", "monkey", "snake"],
}


def group_statements(count: int, seed: int) -> list[Labelled]:
    """``count`` statements, half of them toxic, over all groups alike."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        unkind = number % 2 == 1
        form = rng.choice((UNKIND if unkind else KIND).split("|"))
        text = form.format(**{name: rng.choice(words) for name, words in FILLERS.items()})
        text = text[0].upper() + text[1:] if rng.random() < 0.5 else text
        made.append(Labelled(text, 0.97 if unkind else 0.03, "groups"))
    return made
