# fish completion for detox 0.1.0. Generated from the command tree, do not edit.

# The commands below $argv[1].
function __detox_children
    switch $argv[1]
        case ''
            printf '%s\n' 'synth' 'completion' 'doctor' 'profile'
        case 'synth'
            printf '%s\n' 'pairs'
        case 'profile'
            printf '%s\n' 'list' 'show' 'check' 'copy'
    end
end

# How many words option $argv[2] of $argv[1] takes.
function __detox_takes
    switch "$argv"
        case 'synth pairs --output' 'synth pairs -o' 'synth pairs --model' 'synth pairs -m' 'synth pairs --revision' 'synth pairs --engine' 'synth pairs --text-column' 'synth pairs --split' 'synth pairs --limit' 'synth pairs --num-shots' 'synth pairs --shots' 'synth pairs --shot-selection' 'synth pairs --shot-style' 'synth pairs --temperature' 'synth pairs --top-p' 'synth pairs --top-k' 'synth pairs --max-new-tokens' 'synth pairs --seed' 'synth pairs --batch-tokens' 'synth pairs --device' 'synth pairs --dtype' 'synth pairs --rejects' 'synth pairs --profile' 'doctor --timeout' 'doctor --profile'
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
    printf '%s\n' 'default' 'offline' 'paradetox-bart-large'
    for file in ./profiles/*.toml $config/detox/profiles/*.toml ~/Library/Application\ Support/detox/profiles/*.toml
        string replace -r '.*/(.*)\.toml$' '$1' $file
    end
    set -l typed (__detox_typed)
    if string match -q '*/*' -- $typed
        set -l paths $typed*.toml $typed*/
        printf '%s\n' $paths
    end
end

function __detox_models
    printf '%s\tbundled\n' 
    printf '%s\tcached\n' (__detox_cached_models)
    set -l typed (__detox_typed)
    string match -q '*:*' -- $typed; or __fish_complete_directories "$typed" folder
end

function __detox_scorers
    set -l typed (__detox_typed)
    printf '%s\n' 'detoxify:original' 'detoxify:unbiased' 'detoxify:multilingual'
    switch $typed
        case 'hf:*'
            printf 'hf:%s\tcached\n' (__detox_cached_models)
            __fish_complete_directories (string replace hf: '' -- $typed) folder | string replace -r '^' hf:
        case 'lexicon:*' 'detoxify:*'
            set -l start (string replace -r ':.*' : $typed)
            set -l path (string replace -r '^[^:]*:' '' $typed)
            string replace -r '^' $start $path*
        case '*'
            printf '%s\n' hf: lexicon: detoxify:
    end
end

complete -c detox -f
complete -c detox -n '__detox_at \'\' 1' -k -a 'synth' -d 'Write training data with a language model'
complete -c detox -n '__detox_at \'\' 1' -k -a 'completion' -d 'Print a completion script, or install it'
complete -c detox -n '__detox_at \'\' 1' -k -a 'doctor' -d 'Check versions, devices, the model hub and what is bundled; say how to mend what is wrong'
complete -c detox -n '__detox_at \'\' 1' -k -a 'profile' -d 'List, show, check and copy profiles'
complete -c detox -n '__detox_in \'\'' -l version -d 'Print the version and stop'
complete -c detox -n '__detox_in \'\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'synth\' 1' -k -a 'pairs' -d 'Write a neutral version of every toxic sentence with an LLM'
complete -c detox -n '__detox_in \'synth\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'synth pairs\' 1' -F
complete -c detox -n '__detox_in \'synth pairs\'' -l output -s o -r -F -d 'Where the pairs go: JSONL, CSV, TSV or Parquet by suffix, or - for stdout'
complete -c detox -n '__detox_in \'synth pairs\'' -l model -s m -x -a '(__detox_models)' -d 'The model that writes: Hub id, folder or builtin:chat'
complete -c detox -n '__detox_in \'synth pairs\'' -l revision -x -d 'Branch, tag or commit of a Hub model'
complete -c detox -n '__detox_in \'synth pairs\'' -l engine -x -a 'transformers' -d 'What runs the model'
complete -c detox -n '__detox_in \'synth pairs\'' -l text-column -x -d 'Column with the toxic text; found by its usual names'
complete -c detox -n '__detox_in \'synth pairs\'' -l split -x -d 'Split of a dataset id'
complete -c detox -n '__detox_in \'synth pairs\'' -l limit -x -d 'Use the first N rows only'
complete -c detox -n '__detox_in \'synth pairs\'' -l num-shots -x -d 'Worked examples in the prompt'
complete -c detox -n '__detox_in \'synth pairs\'' -l shots -r -F -d 'Pairs to take the examples from; needed when --num-shots is above 0'
complete -c detox -n '__detox_in \'synth pairs\'' -l shot-selection -x -a 'last random' -d 'Which examples: the last of the file, or a seeded random choice'
complete -c detox -n '__detox_in \'synth pairs\'' -l shot-style -x -a 'turns inline' -d 'Examples as chat turns, or labelled lines inside one message'
complete -c detox -n '__detox_in \'synth pairs\'' -l temperature -x -d 'Sampling temperature; 0 is greedy'
complete -c detox -n '__detox_in \'synth pairs\'' -l top-p -x -d 'Nucleus: smallest set of tokens with this mass'
complete -c detox -n '__detox_in \'synth pairs\'' -l top-k -x -d 'Keep the k likeliest tokens; 0 keeps all'
complete -c detox -n '__detox_in \'synth pairs\'' -l max-new-tokens -x -d 'Longest answer, in tokens'
complete -c detox -n '__detox_in \'synth pairs\'' -l seed -x -d 'Random seed; each row derives its own from it'
complete -c detox -n '__detox_in \'synth pairs\'' -l batch-tokens -x -d 'Tokens in one batch, padding and answers included'
complete -c detox -n '__detox_in \'synth pairs\'' -l device -x -d 'auto, cpu, cuda or cuda:N'
complete -c detox -n '__detox_in \'synth pairs\'' -l dtype -x -a 'auto float32 bfloat16 float16' -d 'Weights in memory'
complete -c detox -n '__detox_in \'synth pairs\'' -l trust-remote-code -l no-trust-remote-code -d 'Run code that the model repository brings'
complete -c detox -n '__detox_in \'synth pairs\'' -l rejects -r -F -d 'File for rows that cannot be read; OUTPUT.rejects.jsonl when not given'
complete -c detox -n '__detox_in \'synth pairs\'' -l strict -l no-strict -d 'Stop at the first bad row'
complete -c detox -n '__detox_in \'synth pairs\'' -l overwrite -l no-overwrite -d 'Replace an existing output'
complete -c detox -n '__detox_in \'synth pairs\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'synth pairs\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'synth pairs\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'synth pairs\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'synth pairs\'' -l profile -x -a '(__detox_profiles)' -d 'A profile\'s name or file; of several, later ones win'
complete -c detox -n '__detox_in \'synth pairs\'' -l print-config -d 'Print the settings as a profile, with their origins, and stop'
complete -c detox -n '__detox_in \'synth pairs\'' -l dry-run -d 'Check settings, inputs and models, print the plan, and stop'
complete -c detox -n '__detox_in \'synth pairs\'' -l offline -d 'Use nothing that is not on this machine already'
complete -c detox -n '__detox_in \'synth pairs\'' -l help -s h -d 'Show this message and exit'
complete -c detox -n '__detox_at \'completion\' 1' -a 'bash zsh fish'
complete -c detox -n '__detox_in \'completion\'' -l install -d 'Write the script to where the shell finds it by itself'
complete -c detox -n '__detox_in \'completion\'' -l json -d 'Print the result as one JSON document'
complete -c detox -n '__detox_in \'completion\'' -l quiet -s q -d 'Print only the one value that matters'
complete -c detox -n '__detox_in \'completion\'' -l verbose -s v -d 'Print details and the libraries\' own messages'
complete -c detox -n '__detox_in \'completion\'' -l debug -d 'Show the traceback of an error'
complete -c detox -n '__detox_in \'completion\'' -l help -s h -d 'Show this message and exit'
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
