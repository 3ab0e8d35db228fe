# fish completion for detox 0.1.0. Generated from the command tree, do not edit.

# The commands below $argv[1].
function __detox_children
    switch $argv[1]
        case ''
            printf '%s\n' 'demo' 'synth' 'abliterate' 'train' 'generate' 'eval' 'doctor' 'profile' 'completion'
        case 'synth'
            printf '%s\n' 'pairs'
        case 'train'
            printf '%s\n' 'bart'
        case 'eval'
            printf '%s\n' 'generation' 'rewrite' 'compare' 'calibrate'
        case 'profile'
            printf '%s\n' 'list' 'show' 'check' 'copy'
    end
end

# How many words option $argv[2] of $argv[1] takes.
function __detox_takes
    switch "$argv"
        case 'demo --output' 'demo -o' 'demo --data' 'demo --limit' 'demo --test-share' 'demo --show' 'demo --seed' 'demo --profile' 'synth pairs --model' 'synth pairs -m' 'synth pairs --output' 'synth pairs -o' 'synth pairs --text-column' 'synth pairs --split' 'synth pairs --limit' 'synth pairs --lang' 'synth pairs --lang-column' 'synth pairs --prompt' 'synth pairs --temperature' 'synth pairs --top-p' 'synth pairs --top-k' 'synth pairs --max-new-tokens' 'synth pairs --seed' 'synth pairs --rejects' 'synth pairs --revision' 'synth pairs --engine' 'synth pairs --adapter' 'synth pairs --device' 'synth pairs --dtype' 'synth pairs --batch-tokens' 'synth pairs --quantize' 'synth pairs --attention' 'synth pairs --tensor-parallel' 'synth pairs --base-url' 'synth pairs --concurrency' 'synth pairs --num-shots' 'synth pairs --shots' 'synth pairs --shots-split' 'synth pairs --shot-selection' 'synth pairs --shot-style' 'synth pairs --exclude' 'synth pairs --num-candidates' 'synth pairs --sta' 'synth pairs --sim' 'synth pairs --fl' 'synth pairs --refusal-rule' 'synth pairs --refusal-scorer' 'synth pairs --refusal-threshold' 'synth pairs --retries' 'synth pairs --retry-on' 'synth pairs --retry-prompt' 'synth pairs --advise-above' 'synth pairs --drop' 'synth pairs --min-toxicity' 'synth pairs --min-chrf' 'synth pairs --max-chrf' 'synth pairs --min-length' 'synth pairs --max-length' 'synth pairs --min-sta' 'synth pairs --min-sim' 'synth pairs --min-fl' 'synth pairs --min-j' 'synth pairs --min-toxicity-drop' 'synth pairs --dropped' 'synth pairs --preferences' 'synth pairs --min-margin' 'synth pairs --paper-csv' 'synth pairs --profile' 'abliterate --output' 'abliterate -o' 'abliterate --seed' 'abliterate --contrast' 'abliterate --positions' 'abliterate --tied' 'abliterate --rounding' 'abliterate --targets' 'abliterate --revision' 'abliterate --device' 'abliterate --dtype' 'abliterate --batch-tokens' 'abliterate --profile' 'train bart --output' 'train bart -o' 'train bart --model' 'train bart -m' 'train bart --revision' 'train bart --toxic-column' 'train bart --neutral-columns' 'train bart --split' 'train bart --limit' 'train bart --weight' 'train bart --origin' 'train bart --held-out' 'train bart --eval-share' 'train bart --hold-out' 'train bart --split-seed' 'train bart --prefix' 'train bart --template' 'train bart --source-lang' 'train bart --target-lang' 'train bart --abstain' 'train bart --abstain-text' 'train bart --abstain-reasons' 'train bart --abstain-weight' 'train bart --max-length' 'train bart --rejects' 'train bart --epochs' 'train bart --min-steps' 'train bart --learning-rate' 'train bart --schedule' 'train bart --warmup' 'train bart --batch-size' 'train bart --accumulate' 'train bart --optimizer' 'train bart --weight-decay' 'train bart --max-grad-norm' 'train bart --label-smoothing' 'train bart --precision' 'train bart --device' 'train bart --seed' 'train bart --seeds' 'train bart --eval-every' 'train bart --eval-batch-size' 'train bart --eval-rows' 'train bart --select' 'train bart --patience' 'train bart --toxicity' 'train bart --similarity' 'train bart --fluency' 'train bart --checkpoints' 'train bart --keep-best' 'train bart --tracker' 'train bart --num-beams' 'train bart --max-new-tokens' 'train bart --no-repeat-ngram-size' 'train bart --length-penalty' 'train bart --profile' 'generate --output' 'generate -o' 'generate --text-column' 'generate --split' 'generate --limit' 'generate --system' 'generate --prefix' 'generate --num-samples' 'generate --max-new-tokens' 'generate --temperature' 'generate --top-p' 'generate --top-k' 'generate --num-beams' 'generate --no-repeat-ngram-size' 'generate --stop' 'generate --seed' 'generate --rejects' 'generate --revision' 'generate --engine' 'generate --adapter' 'generate --device' 'generate --dtype' 'generate --batch-tokens' 'generate --quantize' 'generate --attention' 'generate --tensor-parallel' 'generate --base-url' 'generate --concurrency' 'generate --profile' 'eval generation --prompts' 'eval generation --from-file' 'eval generation --from' 'eval generation --output' 'eval generation -o' 'eval generation --protocol' 'eval generation --scorers' 'eval generation -s' 'eval generation --until' 'eval generation --text-column' 'eval generation --split' 'eval generation --languages' 'eval generation --limit' 'eval generation --password' 'eval generation --seed' 'eval generation --resamples' 'eval generation --checkpoint' 'eval generation --revision' 'eval generation --engine' 'eval generation --adapter' 'eval generation --device' 'eval generation --dtype' 'eval generation --batch-tokens' 'eval generation --quantize' 'eval generation --attention' 'eval generation --tensor-parallel' 'eval generation --base-url' 'eval generation --concurrency' 'eval generation --num-samples' 'eval generation --max-new-tokens' 'eval generation --temperature' 'eval generation --top-p' 'eval generation --prefix' 'eval generation --prompt-tokens' 'eval generation --k' 'eval generation --threshold' 'eval generation --judge' 'eval generation --legacy-judge' 'eval generation --text' 'eval generation --window' 'eval generation --stride' 'eval generation --dist-tokenizer' 'eval generation --export' 'eval generation --profile' 'eval rewrite --suite' 'eval rewrite --references' 'eval rewrite --output' 'eval rewrite -o' 'eval rewrite --toxic-column' 'eval rewrite --output-column' 'eval rewrite --reference-columns' 'eval rewrite --abstain-text' 'eval rewrite --limit' 'eval rewrite --seed' 'eval rewrite --resamples' 'eval rewrite --device' 'eval rewrite --rejects' 'eval rewrite --rows' 'eval rewrite --fail-below' 'eval rewrite --meta' 'eval rewrite --batch-tokens' 'eval rewrite --sta' 'eval rewrite --sim' 'eval rewrite --fl' 'eval rewrite --lexicon' 'eval rewrite --profile' 'eval compare --suite' 'eval compare --references' 'eval compare --output' 'eval compare -o' 'eval compare --toxic-column' 'eval compare --output-column' 'eval compare --reference-columns' 'eval compare --abstain-text' 'eval compare --limit' 'eval compare --seed' 'eval compare --resamples' 'eval compare --rejects' 'eval compare --against' 'eval compare --tie-margin' 'eval compare --pareto' 'eval compare --picture' 'eval compare --sta' 'eval compare --sim' 'eval compare --fl' 'eval compare --device' 'eval compare --revision' 'eval compare --engine' 'eval compare --adapter' 'eval compare --dtype' 'eval compare --batch-tokens' 'eval compare --quantize' 'eval compare --attention' 'eval compare --tensor-parallel' 'eval compare --base-url' 'eval compare --concurrency' 'eval compare --judge' 'eval compare --judge-retries' 'eval compare --verdicts' 'eval compare --profile' 'eval calibrate --labels' 'eval calibrate --hatecheck' 'eval calibrate --output' 'eval calibrate -o' 'eval calibrate --languages' 'eval calibrate --text-column' 'eval calibrate --label-column' 'eval calibrate --lang' 'eval calibrate --toxic-from' 'eval calibrate --least' 'eval calibrate --password' 'eval calibrate --checkpoint' 'eval calibrate --limit' 'eval calibrate --seed' 'eval calibrate --resamples' 'eval calibrate --device' 'eval calibrate --batch-tokens' 'eval calibrate --rejects' 'eval calibrate --profile' 'doctor --timeout' 'doctor --profile'
            echo 1
        case '*'
            echo 0
    end
end

# Which command does the line stand in ($__detox_path), and at which place of it ($__detox_place; 0 is
# inside the values of an option)? fish asks once per command, so the answer is kept for the line.
function __detox_parse
    set -l line (commandline -opc)
    if test "$line" = "$__detox_line"
        return
    end
    set -g __detox_line $line
    set -g __detox_path ''
    set -g __detox_place 1
    set -l skip 0
    set -l literal
    set -e line[1]
    for word in $line
        if test $skip -gt 0
            set skip (math $skip - 1)
            continue
        end
        if test -z "$literal"
            switch $word
                case --
                    set literal yes
                    continue
                case '--*=*'
                    continue
                case '-?*'
                    set skip (__detox_takes "$__detox_path" $word)
                    continue
            end
        end
        if contains -- $word (__detox_children "$__detox_path")
            set __detox_path (string trim "$__detox_path $word")
            set __detox_place 1
        else
            set __detox_place (math $__detox_place + 1)
        end
    end
    if test $skip -gt 0
        set __detox_place 0
    end
end

function __detox_in
    __detox_parse
    test "$__detox_path" = "$argv[1]"
end

# The line stands at place $argv[2] of command $argv[1], or at any place after it if $argv[3] is given.
function __detox_at
    __detox_parse
    test "$__detox_path" = "$argv[1]"; or return
    test $__detox_place -eq $argv[2]; and return
    set -q argv[3]; and test $__detox_place -gt $argv[2]
end

# What is typed of a value: the word at the cursor without `--option=`.
function __detox_typed
    string replace -r -- '^--[^=]*=' '' (commandline -ct)
end

function __detox_cached_models
    set -l hub $HF_HUB_CACHE
    if test -z "$hub"
        set -l cache $XDG_CACHE_HOME
        test -n "$cache"; or set cache ~/.cache
        set hub $HF_HOME
        test -n "$hub"; or set hub $cache/huggingface
        set hub $hub/hub
    end
    for folder in $hub/models--*/
        string replace -r '.*/models--(.*)/$' '$1' $folder | string replace -a -- -- /
    end
end

function __detox_profiles
    set -l config $XDG_CONFIG_HOME
    test -n "$config"; or set config ~/.config
    string join \n -- 'default' 'offline' 'paradetox-bart-large' 'pseudoparadetox' 'pseudoparadetox-0shot' 'pseudoparadetox-0shot-t02' 'pseudoparadetox-t02' 'synthdetoxm'
    for file in ./profiles/*.toml $config/detox/profiles/*.toml ~/Library/Application\ Support/detox/profiles/*.toml
        string replace -r '.*/(.*)\.toml$' '$1' $file
    end
    set -l typed (__detox_typed)
    if string match -q '*/*' -- $typed
        set -l paths $typed*.toml $typed*/
        string join \n -- $paths
    end
end

function __detox_models
    string join \n -- 'builtin:bart' 'builtin:chat' 'builtin:lm' | string replace -r '$' \tbundled
    __detox_cached_models | string replace -r '$' \tcached
    set -l typed (__detox_typed)
    string match -q '*:*' -- $typed; or __fish_complete_directories "$typed" folder
end

function __detox_scorers
    set -l typed (__detox_typed)
    string join \n -- 'builtin:fluency' 'builtin:similarity' 'builtin:toxicity' 'builtin:lexicon' 'detoxify:original' 'detoxify:unbiased' 'detoxify:multilingual' 'detoxify:original-small' 'detoxify:unbiased-small'
    set -l start (string replace -r ':.*' : -- $typed)
    set -l path (string replace -r '^[^:]*:' '' -- $typed)
    switch $typed
        case 'hf:*' 'comet:*'
            __detox_cached_models | string replace -r '^' $start | string replace -r '$' \tcached
            __fish_complete_directories "$path" folder | string replace -r '^' $start
        case 'lexicon:*' 'detoxify:*' 'calibrated:*' 'perspective:*'
            string replace -r '^' $start $path*
        case '*'
            printf '%s\n' calibrated: comet: detoxify: hf: lexicon: max: mean: perspective: vote:
    end
end

complete -c detox -f
complete -c detox -n '__detox_at \'\' 1' -k -a 'demo' -d 'Walk the whole road on the bundled sample: write, train, rewrite, score'
complete -c detox -n '__detox_at \'\' 1' -k -a 'synth' -d 'Write training data with a language model'
complete -c detox -n '__detox_at \'\' 1' -k -a 'abliterate' -d 'Remove a behaviour, such as refusing, from a model\'s weights, and measure what that changed'
complete -c detox -n '__detox_at \'\' 1' -k -a 'train' -d 'Train a model that makes text or itself less toxic'
complete -c detox -n '__detox_at \'\' 1' -k -a 'generate' -d 'Write continuations or rewrites for a file of prompts'
complete -c detox -n '__detox_at \'\' 1' -k -a 'eval' -d 'Score systems: toxicity, meaning and fluency'
complete -c detox -n '__detox_at \'\' 1' -k -a 'doctor' -d 'Check versions, devices, the model hub and what is bundled; say how to mend what is wrong'
complete -c detox -n '__detox_at \'\' 1' -k -a 'profile' -d 'List, show, check and copy profiles'
complete -c detox -n '__detox_at \'\' 1' -k -a 'completion' -d 'Print a completion script, or install it'
complete -c detox -n '__detox_in \'\'' -l version -d 'Print the version and stop'
complete -c detox -n '__detox_in \'\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_in \'demo\'' -l output -s o -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder for everything that is made on the way'
complete -c detox -n '__detox_in \'demo\'' -l data -r -F -d 'Your own pairs in place of the bundled sample: a toxic and a neutral column'
complete -c detox -n '__detox_in \'demo\'' -l limit -x -d 'Use the first N rows only'
complete -c detox -n '__detox_in \'demo\'' -l test-share -x -d 'Share of sources kept for the final scores'
complete -c detox -n '__detox_in \'demo\'' -l show -x -d 'Test sentences to print at the end'
complete -c detox -n '__detox_in \'demo\'' -l redact -l no-redact -d 'Mask listed words where sentences are printed'
complete -c detox -n '__detox_in \'demo\'' -l seed -x -d 'Random seed of all steps'
complete -c detox -n '__detox_in \'demo\'' -l overwrite -l no-overwrite -d 'Replace what another run left in the folder'
complete -c detox -n '__detox_in \'demo\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'demo\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'demo\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'demo\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'demo\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'demo\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'demo\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'demo\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'demo\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'synth\' 1' -k -a 'pairs' -d 'Write a neutral version of every toxic sentence with an LLM'
complete -c detox -n '__detox_in \'synth\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'synth pairs\' 1' -F
complete -c detox -n '__detox_in \'synth pairs\'' -l model -s m -x -a '(__detox_models)' -d 'The model that writes: Hub id, folder or builtin:chat'
complete -c detox -n '__detox_in \'synth pairs\'' -l output -s o -r -F -d 'Where the pairs go: JSONL, CSV, TSV or Parquet by suffix, or - for stdout'
complete -c detox -n '__detox_in \'synth pairs\'' -l text-column -x -d 'Column with the toxic text; found by its usual names'
complete -c detox -n '__detox_in \'synth pairs\'' -l split -x -d 'Split of a dataset id'
complete -c detox -n '__detox_in \'synth pairs\'' -l limit -x -d 'Use the first N rows only'
complete -c detox -n '__detox_in \'synth pairs\'' -l lang -x -d 'Languages to work on, as the rows name them; rows in others are dropped; repeatable'
complete -c detox -n '__detox_in \'synth pairs\'' -l lang-column -x -d 'Column with the language of a row'
complete -c detox -n '__detox_in \'synth pairs\'' -l prompt -x -a 'detox-en-v1 detox-en-v2 detox-multi-v1' -d 'The built-in instruction; detox-multi-v1 keeps the language of the text'
complete -c detox -n '__detox_in \'synth pairs\'' -l temperature -x -d 'Sampling temperature; 0 is greedy'
complete -c detox -n '__detox_in \'synth pairs\'' -l top-p -x -d 'Nucleus: smallest set of tokens with this mass'
complete -c detox -n '__detox_in \'synth pairs\'' -l top-k -x -d 'Keep the k likeliest tokens; 0 keeps all'
complete -c detox -n '__detox_in \'synth pairs\'' -l max-new-tokens -x -d 'Longest answer, in tokens'
complete -c detox -n '__detox_in \'synth pairs\'' -l seed -x -d 'Random seed; each row derives its own from it'
complete -c detox -n '__detox_in \'synth pairs\'' -l rejects -r -F -d 'File for rows that cannot be read; OUTPUT.rejects.jsonl when not given'
complete -c detox -n '__detox_in \'synth pairs\'' -l strict -l no-strict -d 'Stop at the first bad row'
complete -c detox -n '__detox_in \'synth pairs\'' -l overwrite -l no-overwrite -d 'Replace an existing output'
complete -c detox -n '__detox_in \'synth pairs\'' -l revision -x -d 'Branch, tag or commit of a Hub model'
complete -c detox -n '__detox_in \'synth pairs\'' -l engine -x -a 'transformers vllm server' -d 'What runs the model: this process, vLLM (an extra), or a server of OpenAI\'s protocol'
complete -c detox -n '__detox_in \'synth pairs\'' -l adapter -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder of a LoRA adapter to put on the model'
complete -c detox -n '__detox_in \'synth pairs\'' -l device -x -a 'auto cpu cuda mps' -d 'auto, cpu, cuda or cuda:N'
complete -c detox -n '__detox_in \'synth pairs\'' -l dtype -x -a 'auto float32 bfloat16 float16' -d 'Weights in memory'
complete -c detox -n '__detox_in \'synth pairs\'' -l trust-remote-code -l no-trust-remote-code -d 'Run code that the model repository brings'
complete -c detox -n '__detox_in \'synth pairs\'' -l batch-tokens -x -d 'Tokens in one batch, padding and answers included; vLLM finds its own'
complete -c detox -n '__detox_in \'synth pairs\'' -l quantize -x -a '4bit 8bit' -d 'Hold the weights in fewer bits, by bitsandbytes (an extra; engine transformers)'
complete -c detox -n '__detox_in \'synth pairs\'' -l attention -x -a 'auto sdpa flash_attention_2 eager' -d 'What computes attention: FlashAttention where it is installed (engine transformers)'
complete -c detox -n '__detox_in \'synth pairs\'' -l tensor-parallel -x -d 'GPUs that share the model (engine vllm)'
complete -c detox -n '__detox_in \'synth pairs\'' -l base-url -x -d 'Address of the server, such as http://localhost:8000/v1; its key is read from DETOX_API_KEY or OPENAI_API_KEY'
complete -c detox -n '__detox_in \'synth pairs\'' -l concurrency -x -d 'Requests on their way to the server at a time'
complete -c detox -n '__detox_in \'synth pairs\'' -l num-shots -x -d 'Worked examples in the prompt'
complete -c detox -n '__detox_in \'synth pairs\'' -l shots -r -F -d 'Pairs to take the examples from; needed when --num-shots is above 0'
complete -c detox -n '__detox_in \'synth pairs\'' -l shots-split -x -d 'Split of --shots where that is a dataset id; that of the input if not given'
complete -c detox -n '__detox_in \'synth pairs\'' -l shot-selection -x -a 'last random best knn' -d 'Which examples: the last of the file, a seeded random choice, those with the highest J, or knn: for each sentence its nearest ones, nearest last; as every prompt then differs, no start of it is computed once for all'
complete -c detox -n '__detox_in \'synth pairs\'' -l shot-style -x -a 'turns inline' -d 'Examples as chat turns, or labelled lines inside one message'
complete -c detox -n '__detox_in \'synth pairs\'' -l exclude -r -F -d 'Sentences, such as a test set, that must be neither sources nor examples; repeatable'
complete -c detox -n '__detox_in \'synth pairs\'' -l num-candidates -x -d 'Answers per sentence; the best by score is the rewrite, all stand in the row'
complete -c detox -n '__detox_in \'synth pairs\'' -l score -l no-score -d 'Score the rewrites; done anyway where candidates, filters or examples need it'
complete -c detox -n '__detox_in \'synth pairs\'' -l sta -x -a '(__detox_scorers)' -d 'Scorer of toxicity in place of that of suite detox: KIND:MODEL#LABEL'
complete -c detox -n '__detox_in \'synth pairs\'' -l sim -x -a '(__detox_scorers)' -d 'Scorer of similarity in place of that of suite detox'
complete -c detox -n '__detox_in \'synth pairs\'' -l fl -x -a '(__detox_scorers)' -d 'Scorer of fluency in place of that of suite detox'
complete -c detox -n '__detox_in \'synth pairs\'' -l refusal-rule -x -a 'anchored paper' -d 'How refusals are told: sentences about the task that the source does not say itself, or the eight beginnings of the published rule'
complete -c detox -n '__detox_in \'synth pairs\'' -l refusal-scorer -x -a '(__detox_scorers)' -d 'Classifier that looks for refusals the rule has missed, hf:MODEL#LABEL; the source must not look like one itself'
complete -c detox -n '__detox_in \'synth pairs\'' -l refusal-threshold -x -d 'Probability from which --refusal-scorer calls a text a refusal'
complete -c detox -n '__detox_in \'synth pairs\'' -l retries -x -d 'Times a sentence is asked again, with another seed, while all its answers are flawed'
complete -c detox -n '__detox_in \'synth pairs\'' -l retry-on -x -d 'Flag for which --retries asks again: refusal, empty, copy, truncated, too_long; repeatable'
complete -c detox -n '__detox_in \'synth pairs\'' -l retry-prompt -x -a 'detox-en-v1 detox-en-v2 detox-multi-v1' -d 'Built-in instruction to ask again with; the same if not given'
complete -c detox -n '__detox_in \'synth pairs\'' -l advise-above -x -d 'Share of refusals above which the summary advises abliteration'
complete -c detox -n '__detox_in \'synth pairs\'' -l drop -x -d 'Drop rows with this flag, or all with any: refusal, empty, copy, truncated, too_long, all; repeatable'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-toxicity -x -d 'Drop sentences less toxic than this by the scorer of --sta, unasked'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-chrf -x -d 'Drop rewrites that keep too little: chrF to the source below this'
complete -c detox -n '__detox_in \'synth pairs\'' -l max-chrf -x -d 'Drop near-copies: chrF of rewrite and source above this'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-length -x -d 'Drop rewrites with fewer words than this share of the source\'s'
complete -c detox -n '__detox_in \'synth pairs\'' -l max-length -x -d 'Drop rewrites with more words than this multiple of the source\'s'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-sta -x -d 'Drop rewrites with a lower STA'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-sim -x -d 'Drop rewrites with a lower SIM'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-fl -x -d 'Drop rewrites with a lower FL'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-j -x -d 'Drop rewrites with a lower J of the row, STA x SIM x FL'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-toxicity-drop -x -d 'Drop sentences that cannot be detoxified: mean relative fall of toxicity over all answers below this'
complete -c detox -n '__detox_in \'synth pairs\'' -l dropped -r -F -d 'File for dropped rows; OUTPUT.dropped.jsonl when not given'
complete -c detox -n '__detox_in \'synth pairs\'' -l preferences -r -F -d 'File for pairs of the best and the worst answer: prompt, chosen, rejected'
complete -c detox -n '__detox_in \'synth pairs\'' -l min-margin -x -d 'Smallest difference of scores between the two'
complete -c detox -n '__detox_in \'synth pairs\'' -l paper-csv -r -F -d 'File with the published columns, one row per human reference'
complete -c detox -n '__detox_in \'synth pairs\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'synth pairs\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'synth pairs\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'synth pairs\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'synth pairs\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'synth pairs\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'synth pairs\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'synth pairs\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'synth pairs\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'abliterate\' 1' -a '(__detox_models)'
complete -c detox -n '__detox_in \'abliterate\'' -l output -s o -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder for the edited model, its card and what it was made of'
complete -c detox -n '__detox_in \'abliterate\'' -l seed -x -d 'Random seed of splits and samples'
complete -c detox -n '__detox_in \'abliterate\'' -l overwrite -l no-overwrite -d 'Replace the output, and an unfinished run for it'
complete -c detox -n '__detox_in \'abliterate\'' -l contrast -x -a 'task' -d 'What is contrasted: task is sentences that the model refused to detoxify against those that it rewrote'
complete -c detox -n '__detox_in \'abliterate\'' -l positions -x -d 'How many of the last tokens of a prompt are measured'
complete -c detox -n '__detox_in \'abliterate\'' -l tied -x -a 'skip untie edit' -d 'What to do with a token embedding that is the output head too: leave it, store the head apart, or edit both'
complete -c detox -n '__detox_in \'abliterate\'' -l rounding -x -a 'exact nearest' -d 'How 16-bit numbers are rounded; exact leaves nothing along the directions'
complete -c detox -n '__detox_in \'abliterate\'' -l targets -x -d 'For a family that is not known: what writes to the residual stream, as a regular expression that finds names of tensors'
complete -c detox -n '__detox_in \'abliterate\'' -l link-untouched -l no-link-untouched -d 'Share files that stay as they are with the source, as hard links'
complete -c detox -n '__detox_in \'abliterate\'' -l revision -x -d 'Branch, tag or commit of a Hub model'
complete -c detox -n '__detox_in \'abliterate\'' -l device -x -a 'auto cpu cuda mps' -d 'auto, cpu, cuda or cuda:N'
complete -c detox -n '__detox_in \'abliterate\'' -l dtype -x -a 'auto float32 bfloat16 float16' -d 'Weights in memory while measuring; files keep their own type'
complete -c detox -n '__detox_in \'abliterate\'' -l trust-remote-code -l no-trust-remote-code -d 'Run code that the model repository brings'
complete -c detox -n '__detox_in \'abliterate\'' -l batch-tokens -x -d 'Tokens in one batch, padding and answers included'
complete -c detox -n '__detox_in \'abliterate\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'abliterate\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'abliterate\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'abliterate\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'abliterate\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'abliterate\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'abliterate\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'abliterate\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'abliterate\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'train\' 1' -k -a 'bart' -d 'Train a sequence-to-sequence rewriter on pairs'
complete -c detox -n '__detox_in \'train\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'train bart\' 1 after' -F
complete -c detox -n '__detox_in \'train bart\'' -l output -s o -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder for the model'
complete -c detox -n '__detox_in \'train bart\'' -l model -s m -x -a '(__detox_models)' -d 'The encoder-decoder to start from: Hub id, folder or builtin:bart'
complete -c detox -n '__detox_in \'train bart\'' -l revision -x -d 'Branch, tag or commit of a Hub model'
complete -c detox -n '__detox_in \'train bart\'' -l trust-remote-code -l no-trust-remote-code -d 'Run code that the model repository brings'
complete -c detox -n '__detox_in \'train bart\'' -l overwrite -l no-overwrite -d 'Replace the output, and an unfinished run for it'
complete -c detox -n '__detox_in \'train bart\'' -l toxic-column -x -d 'Column with the toxic text; in files without it found by its usual names'
complete -c detox -n '__detox_in \'train bart\'' -l neutral-columns -x -d 'Columns with neutral rewrites; in files without them found by their usual names'
complete -c detox -n '__detox_in \'train bart\'' -l split -x -d 'Split of a dataset id'
complete -c detox -n '__detox_in \'train bart\'' -l limit -x -d 'Use the first N rows of each file only'
complete -c detox -n '__detox_in \'train bart\'' -l weight -x -d 'Passes over each file in an epoch, one number per FILE: 1 each if not given'
complete -c detox -n '__detox_in \'train bart\'' -l origin -x -d 'Who wrote each FILE, one word per FILE; else what its rows say of themselves'
complete -c detox -n '__detox_in \'train bart\'' -l held-out -r -F -d 'File of sources that must not be trained on, such as a test set; repeatable'
complete -c detox -n '__detox_in \'train bart\'' -l eval-share -x -d 'Share held out to measure with'
complete -c detox -n '__detox_in \'train bart\'' -l hold-out -x -a 'sources rows' -d 'Hold out whole sources, or rows, which lets a source stand on both sides'
complete -c detox -n '__detox_in \'train bart\'' -l split-seed -x -d 'Seed that decides which rows are held out; --seed when not given'
complete -c detox -n '__detox_in \'train bart\'' -l dedupe -l no-dedupe -d 'Train on equal pairs once; of those in several files the first one counts'
complete -c detox -n '__detox_in \'train bart\'' -l prefix -x -d 'Text before every source, such as \'detoxify: \' for T5'
complete -c detox -n '__detox_in \'train bart\'' -l template -x -d 'Frame of every source, such as \'Detoxify text for {lang}: {text}\'; names columns'
complete -c detox -n '__detox_in \'train bart\'' -l source-lang -x -d 'Language code of the sources for mBART and its like, such as en_XX'
complete -c detox -n '__detox_in \'train bart\'' -l target-lang -x -d 'Language code of the rewrites; that of the sources when not given'
complete -c detox -n '__detox_in \'train bart\'' -l abstain -r -F -d 'File of sources that cannot be rewritten, with their reasons; repeatable'
complete -c detox -n '__detox_in \'train bart\'' -l abstain-text -x -d 'What the model learns to answer for them'
complete -c detox -n '__detox_in \'train bart\'' -l abstain-reasons -x -d 'Sources count that have no other reasons than these; repeatable'
complete -c detox -n '__detox_in \'train bart\'' -l abstain-weight -x -d 'Passes over these sources in an epoch'
complete -c detox -n '__detox_in \'train bart\'' -l max-length -x -d 'Longest source and target, in tokens; longer ones are cut and counted'
complete -c detox -n '__detox_in \'train bart\'' -l pad-to-max-length -l no-pad-to-max-length -d 'Pad every row to --max-length, not to the longest of its batch'
complete -c detox -n '__detox_in \'train bart\'' -l loss-on-padding -l no-loss-on-padding -d 'Count padding as tokens to be learnt, as published code did'
complete -c detox -n '__detox_in \'train bart\'' -l group-by-length -l no-group-by-length -d 'Put rows of similar length into one batch'
complete -c detox -n '__detox_in \'train bart\'' -l rejects -r -F -d 'File for rows that cannot be read; OUTPUT.rejects.jsonl when not given'
complete -c detox -n '__detox_in \'train bart\'' -l strict -l no-strict -d 'Stop at the first bad row'
complete -c detox -n '__detox_in \'train bart\'' -l epochs -x -d 'Passes over the data, unless --patience ends it earlier'
complete -c detox -n '__detox_in \'train bart\'' -l min-steps -x -d 'Optimizer steps at least: few pairs get more passes'
complete -c detox -n '__detox_in \'train bart\'' -l learning-rate -x -d 'Peak learning rate'
complete -c detox -n '__detox_in \'train bart\'' -l schedule -x -a 'linear cosine constant_with_warmup' -d 'How the learning rate falls'
complete -c detox -n '__detox_in \'train bart\'' -l warmup -x -d 'Steps of warm-up; below 1, a share of all steps'
complete -c detox -n '__detox_in \'train bart\'' -l batch-size -x -d 'Pairs per device and step'
complete -c detox -n '__detox_in \'train bart\'' -l accumulate -x -d 'Batches whose gradients are added before a step'
complete -c detox -n '__detox_in \'train bart\'' -l optimizer -x -a 'adamw_torch adafactor' -d 'The optimizer'
complete -c detox -n '__detox_in \'train bart\'' -l weight-decay -x -d 'Decay of the weights'
complete -c detox -n '__detox_in \'train bart\'' -l max-grad-norm -x -d 'Longer gradients are shortened to this norm; 0 leaves them'
complete -c detox -n '__detox_in \'train bart\'' -l label-smoothing -x -d 'Probability mass taken from the true token'
complete -c detox -n '__detox_in \'train bart\'' -l gradient-checkpointing -l no-gradient-checkpointing -d 'Compute activations twice to save memory'
complete -c detox -n '__detox_in \'train bart\'' -l precision -x -a 'auto float32 bfloat16 float16' -d 'Numbers in matrix products; auto is bfloat16 where the hardware has it'
complete -c detox -n '__detox_in \'train bart\'' -l device -x -a 'auto cpu' -d 'auto takes the GPUs that are there'
complete -c detox -n '__detox_in \'train bart\'' -l deterministic -l no-deterministic -d 'Use only operations that give the same bits again, on a GPU slower ones'
complete -c detox -n '__detox_in \'train bart\'' -l seed -x -d 'Random seed'
complete -c detox -n '__detox_in \'train bart\'' -l seeds -x -d 'Train once per seed on the same split: OUTPUT/seed-N, the best one in OUTPUT'
complete -c detox -n '__detox_in \'train bart\'' -l eval-every -x -d 'Epochs between measurements and checkpoints'
complete -c detox -n '__detox_in \'train bart\'' -l eval-batch-size -x -d 'Pairs per device when measuring'
complete -c detox -n '__detox_in \'train bart\'' -l eval-rows -x -d 'Held-out sources to rewrite and score at each measurement'
complete -c detox -n '__detox_in \'train bart\'' -l select -x -a 'j loss last' -d 'Which checkpoint becomes the model: best J, lowest loss, or the last one'
complete -c detox -n '__detox_in \'train bart\'' -l patience -x -d 'Stop after so many measurements without a better one; 0 never stops early'
complete -c detox -n '__detox_in \'train bart\'' -l toxicity -x -a '(__detox_scorers)' -d 'Scorer of toxicity, for --select j'
complete -c detox -n '__detox_in \'train bart\'' -l similarity -x -a '(__detox_scorers)' -d 'Scorer of kept meaning, for --select j'
complete -c detox -n '__detox_in \'train bart\'' -l fluency -x -a '(__detox_scorers)' -d 'Scorer of fluency, for --select j'
complete -c detox -n '__detox_in \'train bart\'' -l checkpoints -x -d 'Checkpoints to keep beside the best one'
complete -c detox -n '__detox_in \'train bart\'' -l keep-best -x -d 'Leave the N best checkpoints in OUTPUT.training at the end'
complete -c detox -n '__detox_in \'train bart\'' -l keep-checkpoints -l no-keep-checkpoints -d 'Leave the checkpoints in OUTPUT.training at the end'
complete -c detox -n '__detox_in \'train bart\'' -l tracker -x -a 'none wandb tensorboard mlflow' -d 'Send losses and measurements there as well; each is set up by its own variables'
complete -c detox -n '__detox_in \'train bart\'' -l num-beams -x -d 'Beams of the search'
complete -c detox -n '__detox_in \'train bart\'' -l max-new-tokens -x -d 'Longest rewrite, in tokens'
complete -c detox -n '__detox_in \'train bart\'' -l no-repeat-ngram-size -x -d 'Forbid repeated n-grams of this size; 0 allows them'
complete -c detox -n '__detox_in \'train bart\'' -l length-penalty -x -d 'Above 1 the beam search prefers longer rewrites'
complete -c detox -n '__detox_in \'train bart\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'train bart\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'train bart\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'train bart\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'train bart\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'train bart\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'train bart\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'train bart\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'train bart\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'generate\' 1' -a '(__detox_models)'
complete -c detox -n '__detox_at \'generate\' 2' -F
complete -c detox -n '__detox_in \'generate\'' -l output -s o -r -F -d 'Where the answers go: JSONL, CSV, TSV or Parquet by suffix, or - for stdout'
complete -c detox -n '__detox_in \'generate\'' -l text-column -x -d 'Column with the prompts; found by its usual names'
complete -c detox -n '__detox_in \'generate\'' -l split -x -d 'Split of a dataset id'
complete -c detox -n '__detox_in \'generate\'' -l limit -x -d 'Use the first N rows only'
complete -c detox -n '__detox_in \'generate\'' -l chat -l no-chat -d 'Send every prompt as a user\'s message, in the model\'s chat format'
complete -c detox -n '__detox_in \'generate\'' -l system -x -d 'System message before it; needs --chat'
complete -c detox -n '__detox_in \'generate\'' -l prefix -x -d 'Text put before every prompt, such as \'paraphrase: \' for T5'
complete -c detox -n '__detox_in \'generate\'' -l num-samples -x -d 'Answers per prompt'
complete -c detox -n '__detox_in \'generate\'' -l max-new-tokens -x -d 'Longest answer, in tokens: 64, or what an encoder-decoder\'s own settings say'
complete -c detox -n '__detox_in \'generate\'' -l temperature -x -d 'Sampling temperature, 0 is greedy: 0.8, or the encoder-decoder\'s own settings'
complete -c detox -n '__detox_in \'generate\'' -l top-p -x -d 'Nucleus: smallest set of tokens with this mass; 0.9, or the same'
complete -c detox -n '__detox_in \'generate\'' -l top-k -x -d 'Keep the k likeliest tokens; 0 keeps all'
complete -c detox -n '__detox_in \'generate\'' -l num-beams -x -d 'Beam search with this width: 1, or what an encoder-decoder\'s own settings say'
complete -c detox -n '__detox_in \'generate\'' -l no-repeat-ngram-size -x -d 'Write no sequence of so many tokens twice; 0 allows all'
complete -c detox -n '__detox_in \'generate\'' -l stop -x -d 'Text that ends an answer; can be given several times'
complete -c detox -n '__detox_in \'generate\'' -l seed -x -d 'Random seed; each row derives its own from it'
complete -c detox -n '__detox_in \'generate\'' -l rejects -r -F -d 'File for rows that cannot be used; OUTPUT.rejects.jsonl when not given'
complete -c detox -n '__detox_in \'generate\'' -l strict -l no-strict -d 'Stop at the first bad row'
complete -c detox -n '__detox_in \'generate\'' -l overwrite -l no-overwrite -d 'Replace an existing output'
complete -c detox -n '__detox_in \'generate\'' -l revision -x -d 'Branch, tag or commit of a Hub model'
complete -c detox -n '__detox_in \'generate\'' -l engine -x -a 'transformers vllm server' -d 'What runs the model: this process, vLLM (an extra), or a server of OpenAI\'s protocol'
complete -c detox -n '__detox_in \'generate\'' -l adapter -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder of a LoRA adapter to put on the model'
complete -c detox -n '__detox_in \'generate\'' -l device -x -a 'auto cpu cuda mps' -d 'auto, cpu, cuda or cuda:N'
complete -c detox -n '__detox_in \'generate\'' -l dtype -x -a 'auto float32 bfloat16 float16' -d 'Weights in memory'
complete -c detox -n '__detox_in \'generate\'' -l trust-remote-code -l no-trust-remote-code -d 'Run code that the model repository brings'
complete -c detox -n '__detox_in \'generate\'' -l batch-tokens -x -d 'Tokens in one batch, padding and answers included; vLLM finds its own'
complete -c detox -n '__detox_in \'generate\'' -l quantize -x -a '4bit 8bit' -d 'Hold the weights in fewer bits, by bitsandbytes (an extra; engine transformers)'
complete -c detox -n '__detox_in \'generate\'' -l attention -x -a 'auto sdpa flash_attention_2 eager' -d 'What computes attention: FlashAttention where it is installed (engine transformers)'
complete -c detox -n '__detox_in \'generate\'' -l tensor-parallel -x -d 'GPUs that share the model (engine vllm)'
complete -c detox -n '__detox_in \'generate\'' -l base-url -x -d 'Address of the server, such as http://localhost:8000/v1; its key is read from DETOX_API_KEY or OPENAI_API_KEY'
complete -c detox -n '__detox_in \'generate\'' -l concurrency -x -d 'Requests on their way to the server at a time'
complete -c detox -n '__detox_in \'generate\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'generate\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'generate\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'generate\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'generate\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'generate\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'generate\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'generate\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'generate\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'eval\' 1' -k -a 'generation' -d 'Measure what a model continues: toxicity, fluency and diversity, in five published protocols'
complete -c detox -n '__detox_at \'eval\' 1' -k -a 'rewrite' -d 'Score rewrites: STA, SIM, FL and J in a published suite, with intervals and baselines'
complete -c detox -n '__detox_at \'eval\' 1' -k -a 'compare' -d 'Compare two or more systems row by row: paired tests, a judge in both orders, Pareto front'
complete -c detox -n '__detox_at \'eval\' 1' -k -a 'calibrate' -d 'Hold a scorer against human labels, per language, and save it calibrated'
complete -c detox -n '__detox_in \'eval\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'eval generation\' 1' -a '(__detox_models)'
complete -c detox -n '__detox_in \'eval generation\'' -l prompts -r -F -d 'Prompts: rtp or bold (from the Hub), a file of RealToxicityPrompts, RTP-LX (folder or zip too), ToxiGen, BOLD, or any file of texts'
complete -c detox -n '__detox_in \'eval generation\'' -l from-file -l from -r -F -d 'Measure the continuations in this file or folder; nothing is generated'
complete -c detox -n '__detox_in \'eval generation\'' -l output -s o -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder for generations.jsonl, scores.jsonl, summary.json, summary.md and detox.json.  [required]'
complete -c detox -n '__detox_in \'eval generation\'' -l protocol -x -a 'rtp crosslingual task-vector dexperts lee2024' -d 'Whose way of drawing and counting is followed'
complete -c detox -n '__detox_in \'eval generation\'' -l scorers -s s -x -a '(__detox_scorers)' -d 'Scorers of toxicity: KIND:MODEL#LABEL; can be given several times'
complete -c detox -n '__detox_in \'eval generation\'' -l until -x -a 'generations scores summary' -d 'Stop after this stage; the same command without it goes on'
complete -c detox -n '__detox_in \'eval generation\'' -l text-column -x -d 'Column with the prompts, where a file has no known form'
complete -c detox -n '__detox_in \'eval generation\'' -l split -x -d 'Split of a dataset id'
complete -c detox -n '__detox_in \'eval generation\'' -l languages -x -d 'Prompts in these languages only, such as es or zh-hans'
complete -c detox -n '__detox_in \'eval generation\'' -l limit -x -d 'Use the first N prompts of each language only'
complete -c detox -n '__detox_in \'eval generation\'' -l password -x -d 'Password of a zip file of prompts; kept out of everything that is written'
complete -c detox -n '__detox_in \'eval generation\'' -l seed -x -d 'Random seed of the continuations and of the bootstrap'
complete -c detox -n '__detox_in \'eval generation\'' -l resamples -x -d 'Draws of the bootstrap'
complete -c detox -n '__detox_in \'eval generation\'' -l cache -l no-cache -d 'Keep scores, and use those of earlier runs'
complete -c detox -n '__detox_in \'eval generation\'' -l checkpoint -r -F -d 'Where the file of a published Detoxify scorer lies'
complete -c detox -n '__detox_in \'eval generation\'' -l strict -l no-strict -d 'Stop at the first bad row'
complete -c detox -n '__detox_in \'eval generation\'' -l overwrite -l no-overwrite -d 'Replace stages of another run'
complete -c detox -n '__detox_in \'eval generation\'' -l revision -x -d 'Branch, tag or commit of a Hub model'
complete -c detox -n '__detox_in \'eval generation\'' -l engine -x -a 'transformers vllm server' -d 'What runs the model: this process, vLLM (an extra), or a server of OpenAI\'s protocol'
complete -c detox -n '__detox_in \'eval generation\'' -l adapter -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder of a LoRA adapter to put on the model'
complete -c detox -n '__detox_in \'eval generation\'' -l device -x -a 'auto cpu cuda mps' -d 'auto, cpu, cuda or cuda:N'
complete -c detox -n '__detox_in \'eval generation\'' -l dtype -x -a 'auto float32 bfloat16 float16' -d 'Weights in memory'
complete -c detox -n '__detox_in \'eval generation\'' -l trust-remote-code -l no-trust-remote-code -d 'Run code that the model repository brings'
complete -c detox -n '__detox_in \'eval generation\'' -l batch-tokens -x -d 'Tokens in one batch, padding and answers included; vLLM finds its own'
complete -c detox -n '__detox_in \'eval generation\'' -l quantize -x -a '4bit 8bit' -d 'Hold the weights in fewer bits, by bitsandbytes (an extra; engine transformers)'
complete -c detox -n '__detox_in \'eval generation\'' -l attention -x -a 'auto sdpa flash_attention_2 eager' -d 'What computes attention: FlashAttention where it is installed (engine transformers)'
complete -c detox -n '__detox_in \'eval generation\'' -l tensor-parallel -x -d 'GPUs that share the model (engine vllm)'
complete -c detox -n '__detox_in \'eval generation\'' -l base-url -x -d 'Address of the server, such as http://localhost:8000/v1; its key is read from DETOX_API_KEY or OPENAI_API_KEY'
complete -c detox -n '__detox_in \'eval generation\'' -l concurrency -x -d 'Requests on their way to the server at a time'
complete -c detox -n '__detox_in \'eval generation\'' -l num-samples -x -d 'Continuations per prompt, in place of the protocol\'s'
complete -c detox -n '__detox_in \'eval generation\'' -l max-new-tokens -x -d 'Longest continuation in tokens, in place of the protocol\'s'
complete -c detox -n '__detox_in \'eval generation\'' -l temperature -x -d 'Sampling temperature in place of the protocol\'s; 0 is greedy'
complete -c detox -n '__detox_in \'eval generation\'' -l top-p -x -d 'Nucleus in place of the protocol\'s'
complete -c detox -n '__detox_in \'eval generation\'' -l prefix -x -d 'Text put before every prompt, in place of the protocol\'s'
complete -c detox -n '__detox_in \'eval generation\'' -l prompt-tokens -x -d 'Cut prompts to so many tokens, in place of the protocol\'s'
complete -c detox -n '__detox_in \'eval generation\'' -l k -x -d 'Of how many continuations the largest toxicity is expected; the protocol\'s by default'
complete -c detox -n '__detox_in \'eval generation\'' -l threshold -x -d 'Score from which a continuation is toxic, in place of the protocol\'s'
complete -c detox -n '__detox_in \'eval generation\'' -l given-scores -l no-given-scores -d 'Report the scores that stand in a file of continuations as well'
complete -c detox -n '__detox_in \'eval generation\'' -l judge -x -a '(__detox_models)' -d 'Causal model whose conditional perplexity says how fluent continuations are'
complete -c detox -n '__detox_in \'eval generation\'' -l legacy-judge -x -a '(__detox_models)' -d 'Encoder-decoder for the perplexity of the cross-lingual evaluation, kept for parity'
complete -c detox -n '__detox_in \'eval generation\'' -l text -r -F -d 'Text file, such as WikiText-2, on which the model\'s own perplexity is measured'
complete -c detox -n '__detox_in \'eval generation\'' -l window -x -d 'Tokens in a window of that text; the protocol\'s if not given'
complete -c detox -n '__detox_in \'eval generation\'' -l stride -x -d 'Tokens from one window to the next; the protocol\'s if not given'
complete -c detox -n '__detox_in \'eval generation\'' -l language-id -l no-language-id -d 'Tell whether continuations are in their prompt\'s language; needs the extra languages'
complete -c detox -n '__detox_in \'eval generation\'' -l dist-tokenizer -x -a '(__detox_models)' -d 'Model whose tokenizer cuts texts for the legacy distinct n-grams, in place of spaces'
complete -c detox -n '__detox_in \'eval generation\'' -l export -x -d 'Write the flat files of the original scripts as well, with the first scorer\'s scores'
complete -c detox -n '__detox_in \'eval generation\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'eval generation\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'eval generation\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'eval generation\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'eval generation\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'eval generation\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'eval generation\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'eval generation\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'eval generation\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'eval rewrite\' 1 after' -F
complete -c detox -n '__detox_in \'eval rewrite\'' -l suite -x -a 'detox pseudoparadetox paradetox2022 clef2024 clef2025' -d 'How STA, SIM, FL and J are defined'
complete -c detox -n '__detox_in \'eval rewrite\'' -l references -r -F -d 'Human rewrites, joined by id, or by source text where either file has no ids'
complete -c detox -n '__detox_in \'eval rewrite\'' -l output -s o -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder for rows.jsonl, summary.json, summary.md and detox.json'
complete -c detox -n '__detox_in \'eval rewrite\'' -l toxic-column -x -d 'Column with the source; found by its usual names'
complete -c detox -n '__detox_in \'eval rewrite\'' -l output-column -x -d 'Column with the rewrite; found by its usual names'
complete -c detox -n '__detox_in \'eval rewrite\'' -l reference-columns -x -d 'Columns with human rewrites; found by their usual names'
complete -c detox -n '__detox_in \'eval rewrite\'' -l abstain-text -x -d 'What a system answers to decline a source; a column \'abstained\' says it as well'
complete -c detox -n '__detox_in \'eval rewrite\'' -l limit -x -d 'Use the first N rows of each file only'
complete -c detox -n '__detox_in \'eval rewrite\'' -l seed -x -d 'Random seed of the bootstrap'
complete -c detox -n '__detox_in \'eval rewrite\'' -l resamples -x -d 'Draws of the bootstrap'
complete -c detox -n '__detox_in \'eval rewrite\'' -l device -x -a 'auto cpu cuda mps' -d 'auto, cpu, cuda or cuda:N'
complete -c detox -n '__detox_in \'eval rewrite\'' -l cache -l no-cache -d 'Keep scores, and use those of earlier runs'
complete -c detox -n '__detox_in \'eval rewrite\'' -l rejects -r -F -d 'File for rows that cannot be read; OUTPUT.rejects.jsonl with -o'
complete -c detox -n '__detox_in \'eval rewrite\'' -l strict -l no-strict -d 'Stop at the first bad row'
complete -c detox -n '__detox_in \'eval rewrite\'' -l overwrite -l no-overwrite -d 'Replace an existing output'
complete -c detox -n '__detox_in \'eval rewrite\'' -l baselines -l no-baselines -d 'Add copying, deleting listed words, and the references'
complete -c detox -n '__detox_in \'eval rewrite\'' -l rows -r -F -d 'File for the scores of every row: JSONL, CSV, TSV or Parquet'
complete -c detox -n '__detox_in \'eval rewrite\'' -l fail-below -x -d 'Exit with 5 if a system is below: J, STA, SIM, FL, J_product_of_means; repeatable'
complete -c detox -n '__detox_in \'eval rewrite\'' -l meta -r -F -d 'Human ratings of CLEF 2024, table or folder: how far the suite agrees with people'
complete -c detox -n '__detox_in \'eval rewrite\'' -l batch-tokens -x -d 'Tokens in one batch of a scorer, padding included'
complete -c detox -n '__detox_in \'eval rewrite\'' -l sta -x -a '(__detox_scorers)' -d 'Scorer of toxicity in place of the suite\'s: KIND:MODEL#LABEL'
complete -c detox -n '__detox_in \'eval rewrite\'' -l sim -x -a '(__detox_scorers)' -d 'Scorer of similarity in place of the suite\'s'
complete -c detox -n '__detox_in \'eval rewrite\'' -l fl -x -a '(__detox_scorers)' -d 'Scorer of fluency in place of the suite\'s'
complete -c detox -n '__detox_in \'eval rewrite\'' -l lexicon -r -F -d 'Words for the delete baseline and the residue; a bundled English list if not given'
complete -c detox -n '__detox_in \'eval rewrite\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'eval rewrite\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'eval rewrite\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'eval rewrite\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'eval rewrite\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'eval rewrite\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'eval rewrite\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'eval rewrite\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'eval rewrite\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'eval compare\' 1 after' -F
complete -c detox -n '__detox_in \'eval compare\'' -l suite -x -a 'detox pseudoparadetox paradetox2022 clef2024 clef2025' -d 'How STA, SIM, FL and J are defined'
complete -c detox -n '__detox_in \'eval compare\'' -l references -r -F -d 'Human rewrites, joined by id, or by source text where either file has no ids'
complete -c detox -n '__detox_in \'eval compare\'' -l output -s o -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder for rows.jsonl, summary.json, summary.md and detox.json'
complete -c detox -n '__detox_in \'eval compare\'' -l toxic-column -x -d 'Column with the source; found by its usual names'
complete -c detox -n '__detox_in \'eval compare\'' -l output-column -x -d 'Column with the rewrite; found by its usual names'
complete -c detox -n '__detox_in \'eval compare\'' -l reference-columns -x -d 'Columns with human rewrites; found by their usual names'
complete -c detox -n '__detox_in \'eval compare\'' -l abstain-text -x -d 'What a system answers to decline a source; a column \'abstained\' says it as well'
complete -c detox -n '__detox_in \'eval compare\'' -l limit -x -d 'Use the first N rows of each file only'
complete -c detox -n '__detox_in \'eval compare\'' -l seed -x -d 'Random seed of the bootstrap'
complete -c detox -n '__detox_in \'eval compare\'' -l resamples -x -d 'Draws of the bootstrap'
complete -c detox -n '__detox_in \'eval compare\'' -l cache -l no-cache -d 'Keep scores, and use those of earlier runs'
complete -c detox -n '__detox_in \'eval compare\'' -l rejects -r -F -d 'File for rows that cannot be read; OUTPUT.rejects.jsonl with -o'
complete -c detox -n '__detox_in \'eval compare\'' -l strict -l no-strict -d 'Stop at the first bad row'
complete -c detox -n '__detox_in \'eval compare\'' -l overwrite -l no-overwrite -d 'Replace an existing output'
complete -c detox -n '__detox_in \'eval compare\'' -l against -x -d 'System that the others are compared with, or all; the first one if not given'
complete -c detox -n '__detox_in \'eval compare\'' -l scores -l no-scores -d 'Score the rewrites with the suite; off leaves judge and verdicts'
complete -c detox -n '__detox_in \'eval compare\'' -l tie-margin -x -d 'Differences of a row\'s J up to this are ties'
complete -c detox -n '__detox_in \'eval compare\'' -l pareto -x -d 'Measures of the Pareto table; can be given several times'
complete -c detox -n '__detox_in \'eval compare\'' -l picture -r -F -d 'Draw wins, ties and losses: .png, .svg or .pdf; needs the extra plots'
complete -c detox -n '__detox_in \'eval compare\'' -l sta -x -a '(__detox_scorers)' -d 'Scorer of toxicity in place of the suite\'s: KIND:MODEL#LABEL'
complete -c detox -n '__detox_in \'eval compare\'' -l sim -x -a '(__detox_scorers)' -d 'Scorer of similarity in place of the suite\'s'
complete -c detox -n '__detox_in \'eval compare\'' -l fl -x -a '(__detox_scorers)' -d 'Scorer of fluency in place of the suite\'s'
complete -c detox -n '__detox_in \'eval compare\'' -l device -x -a 'auto cpu cuda mps' -d 'auto, cpu, cuda or cuda:N'
complete -c detox -n '__detox_in \'eval compare\'' -l revision -x -d 'Branch, tag or commit of a Hub model'
complete -c detox -n '__detox_in \'eval compare\'' -l engine -x -a 'transformers vllm server' -d 'What runs the model: this process, vLLM (an extra), or a server of OpenAI\'s protocol'
complete -c detox -n '__detox_in \'eval compare\'' -l adapter -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder of a LoRA adapter to put on the model'
complete -c detox -n '__detox_in \'eval compare\'' -l dtype -x -a 'auto float32 bfloat16 float16' -d 'Weights in memory'
complete -c detox -n '__detox_in \'eval compare\'' -l trust-remote-code -l no-trust-remote-code -d 'Run code that the model repository brings'
complete -c detox -n '__detox_in \'eval compare\'' -l batch-tokens -x -d 'Tokens in one batch, padding and answers included; vLLM finds its own'
complete -c detox -n '__detox_in \'eval compare\'' -l quantize -x -a '4bit 8bit' -d 'Hold the weights in fewer bits, by bitsandbytes (an extra; engine transformers)'
complete -c detox -n '__detox_in \'eval compare\'' -l attention -x -a 'auto sdpa flash_attention_2 eager' -d 'What computes attention: FlashAttention where it is installed (engine transformers)'
complete -c detox -n '__detox_in \'eval compare\'' -l tensor-parallel -x -d 'GPUs that share the model (engine vllm)'
complete -c detox -n '__detox_in \'eval compare\'' -l base-url -x -d 'Address of the server, such as http://localhost:8000/v1; its key is read from DETOX_API_KEY or OPENAI_API_KEY'
complete -c detox -n '__detox_in \'eval compare\'' -l concurrency -x -d 'Requests on their way to the server at a time'
complete -c detox -n '__detox_in \'eval compare\'' -l judge -x -a '(__detox_models)' -d 'Chat model that says which rewrite is better, in both orders: Hub id or folder'
complete -c detox -n '__detox_in \'eval compare\'' -l judge-retries -x -d 'How often the judge is asked again when its answer cannot be read'
complete -c detox -n '__detox_in \'eval compare\'' -l verdicts -r -F -d 'Verdicts of people: rows with an id and in verdict a system\'s name or tie'
complete -c detox -n '__detox_in \'eval compare\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'eval compare\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'eval compare\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'eval compare\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'eval compare\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'eval compare\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'eval compare\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'eval compare\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'eval compare\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'eval calibrate\' 1' -a '(__detox_scorers)'
complete -c detox -n '__detox_in \'eval calibrate\'' -l labels -r -F -d 'Texts that people labelled: JSONL, CSV, TSV, Parquet, or RTP-LX as zip or folder; LANG=FILE says their language; repeatable.  [required]'
complete -c detox -n '__detox_in \'eval calibrate\'' -l hatecheck -r -F -d 'Cases of HateCheck or its translations, for the table by function; LANG=FILE'
complete -c detox -n '__detox_in \'eval calibrate\'' -l output -s o -x -a '(__fish_complete_directories (__detox_typed) folder)' -d 'Folder for calibration.json, the scores and the report; calibrated:FOLDER uses it'
complete -c detox -n '__detox_in \'eval calibrate\'' -l languages -x -d 'Language the scorer is wanted for; those without evidence are named; repeatable'
complete -c detox -n '__detox_in \'eval calibrate\'' -l text-column -x -d 'Column with the text; found by its usual names'
complete -c detox -n '__detox_in \'eval calibrate\'' -l label-column -x -d 'Column with the label; found by its usual names'
complete -c detox -n '__detox_in \'eval calibrate\'' -l lang -x -d 'Language of rows of which neither file name nor column says it'
complete -c detox -n '__detox_in \'eval calibrate\'' -l toxic-from -x -d 'From which number on a label means toxic'
complete -c detox -n '__detox_in \'eval calibrate\'' -l least -x -d 'Fewest toxic, and fewest other, texts for a map of a language\'s own'
complete -c detox -n '__detox_in \'eval calibrate\'' -l password -x -d 'Password of a zip file with labels'
complete -c detox -n '__detox_in \'eval calibrate\'' -l checkpoint -r -F -d 'Published file of detoxify:NAME, or its folder; then nothing is fetched'
complete -c detox -n '__detox_in \'eval calibrate\'' -l limit -x -d 'Use the first N rows of each file only'
complete -c detox -n '__detox_in \'eval calibrate\'' -l seed -x -d 'Random seed of the folds and the bootstrap'
complete -c detox -n '__detox_in \'eval calibrate\'' -l resamples -x -d 'Draws of the bootstrap'
complete -c detox -n '__detox_in \'eval calibrate\'' -l device -x -a 'auto cpu cuda mps' -d 'auto, cpu, cuda or cuda:N'
complete -c detox -n '__detox_in \'eval calibrate\'' -l batch-tokens -x -d 'Tokens in one batch of a scorer, padding included'
complete -c detox -n '__detox_in \'eval calibrate\'' -l cache -l no-cache -d 'Keep scores, and use those of earlier runs'
complete -c detox -n '__detox_in \'eval calibrate\'' -l rejects -r -F -d 'File for rows that cannot be used; OUTPUT.rejects.jsonl with -o'
complete -c detox -n '__detox_in \'eval calibrate\'' -l strict -l no-strict -d 'Stop at the first bad row'
complete -c detox -n '__detox_in \'eval calibrate\'' -l overwrite -l no-overwrite -d 'Replace an existing output'
complete -c detox -n '__detox_in \'eval calibrate\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'eval calibrate\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'eval calibrate\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'eval calibrate\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'eval calibrate\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'eval calibrate\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'eval calibrate\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'eval calibrate\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'eval calibrate\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_in \'doctor\'' -l timeout -x -d 'How long to wait for the model hub'
complete -c detox -n '__detox_in \'doctor\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'doctor\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'doctor\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'doctor\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'doctor\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'doctor\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'doctor\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'doctor\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'doctor\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'profile\' 1' -k -a 'list' -d 'List the profiles that can be named, and where they are'
complete -c detox -n '__detox_at \'profile\' 1' -k -a 'show' -d 'Print a profile with everything that it extends'
complete -c detox -n '__detox_at \'profile\' 1' -k -a 'check' -d 'Check every value of profiles, whatever command it is for'
complete -c detox -n '__detox_at \'profile\' 1' -k -a 'copy' -d 'Copy a profile to where you can edit it'
complete -c detox -n '__detox_in \'profile\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_in \'profile list\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'profile list\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'profile list\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'profile list\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'profile list\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'profile show\' 1' -a '(__detox_profiles)'
complete -c detox -n '__detox_in \'profile show\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'profile show\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'profile show\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'profile show\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'profile show\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'profile check\' 1 after' -a '(__detox_profiles)'
complete -c detox -n '__detox_in \'profile check\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'profile check\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'profile check\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'profile check\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'profile check\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'profile copy\' 1' -a '(__detox_profiles)'
complete -c detox -n '__detox_at \'profile copy\' 2' -F
complete -c detox -n '__detox_in \'profile copy\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'profile copy\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'profile copy\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'profile copy\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'profile copy\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'completion\' 1' -a 'bash zsh fish'
complete -c detox -n '__detox_in \'completion\'' -l install -d 'Write the script to where the shell finds it by itself'
complete -c detox -n '__detox_in \'completion\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'completion\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'completion\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'completion\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'completion\'' -l help -s h -d 'Show this message and exit'
