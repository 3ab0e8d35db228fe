# fish completion for detox @VERSION@. Generated from the command tree, do not edit.

@TABLES@

@RULES@

# Completes the line by the rules of the command in which it stands. They are found under a name that stands
# for that command, with $__detox_place: which of its words the cursor is at (0: a value of an option).
function __detox_complete
    set -l path ''
    set -g __detox_place 1
    set -l skip 0
    set -l literal
    set -l rest
    for word in (commandline -opc)[2..-1]
        set -a rest $word
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
                    set skip (__detox_takes "$path" $word)
                    continue
            end
        end
        if contains -- $word (__detox_children "$path")
            set path (string trim "$path $word")
            set __detox_place 1
            set rest
        else
            set __detox_place (math $__detox_place + 1)
        end
    end
    test $skip -eq 0; or set __detox_place 0
    set -l name __detox_(string replace -a ' ' _ "$path")
    if not contains -- $name $__detox_ruled
        complete -c $name -f
        __detox_rules "$path" $name
        set -g -a __detox_ruled $name
    end
    complete -C (string join ' ' -- $name (string escape -- $rest) (commandline -ct))
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

# The functions that follow get the suffixes that come first, then --, then words that are offered besides.

function __detox_profile
    set -l config $XDG_CONFIG_HOME
    test -n "$config"; or set config ~/.config
    string join \n -- @PROFILES@
    for file in ./profiles/*.toml $config/detox/profiles/*.toml ~/Library/Application\ Support/detox/profiles/*.toml
        string replace -r '.*/(.*)\.toml$' '$1' $file
    end
    set -l typed (__detox_typed)
    if string match -q '*/*' -- $typed
        set -l paths $typed*.toml $typed*/
        string join \n -- $paths
    end
end

function __detox_file
    set -l words
    set -l types
    set -l typed (__detox_typed)
    set -l before (string match -r '^[^/=]+=' -- $typed)
    while test "$argv[1]" != --
        set -a types $argv[1]
        set -e argv[1]
    end
    if test -z "$before"
        string join \n -- $argv[2..-1]
    else
        set typed (string replace -- $before '' $typed)
    end
    set -l found (complete -C "__fish_command_without_completions $typed")
    set -l fitting $found
    if set -q types[1]
        set fitting (string match -r '.*/$|.*\.(?:'(string join '|' $types)')$' -- $found)
    end
    set -q fitting[1]; or set fitting $found
    set -q fitting[1]; and printf '%s\n' "$before"$fitting
end

function __detox_folder
    string join \n -- $argv[2..-1]
    __fish_complete_directories (__detox_typed) folder
end

function __detox_model
    string join \n -- $argv[2..-1] | string replace -r '$' \tbundled
    __detox_cached_models | string replace -r '$' \tcached
    set -l typed (__detox_typed)
    string match -q '*:*' -- $typed; or __fish_complete_directories "$typed" folder
end

function __detox_scorer
    set -l typed (__detox_typed)
    string join \n -- $argv[2..-1]
    set -l start (string replace -r ':.*' : -- $typed)
    set -l path (string replace -r '^[^:]*:' '' -- $typed)
    switch $typed
        case 'hf:*' 'comet:*'
            __detox_cached_models | string replace -r '^' $start | string replace -r '$' \tcached
            __fish_complete_directories "$path" folder | string replace -r '^' $start
        case 'calibrated:*' 'detoxify:*' 'lexicon:*'
            string replace -r '^' $start $path*
        case '*'
            printf '%s\n' calibrated: comet: detoxify: hf: lexicon: max: mean: perspective: vote:
    end
end

complete -c detox -f -k -a '(__detox_complete)'
