# bash completion for detox @VERSION@. Generated from the command tree, do not edit.

@TABLES@

_detox_cached_models() {
    local folder=${HF_HUB_CACHE:-${HF_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/huggingface}/hub}
    for folder in "$folder"/models--*/; do
        [[ -d $folder ]] || continue
        folder=${folder%/}
        folder=${folder##*/models--}
        reply+=("${folder//--//}")
    done
}

_detox_profiles() {
    local file
    reply=(@PROFILES@)
    for file in ./profiles/*.toml "${XDG_CONFIG_HOME:-$HOME/.config}"/detox/profiles/*.toml \
        "$HOME/Library/Application Support"/detox/profiles/*.toml; do
        [[ -e $file ]] || continue
        file=${file##*/}
        reply+=("${file%.toml}")
    done
}

# Fill `words` with the line up to the cursor, joined again where bash breaks words at `=` and `:`.
_detox_words() {
    local rest=${COMP_LINE:0:COMP_POINT} word index glued
    words=()
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]} glued=
        ((index)) && [[ $rest != [[:space:]]* ]] && glued=yes
        rest=${rest#"${rest%%[![:space:]]*}"}
        ((index == COMP_CWORD)) && word=$rest
        rest=${rest#"$word"}
        if [[ $glued ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
    done
}

# Offer the entries of `reply` that continue $1. readline replaces only what stands after the last word
# break, so the part of $2$1 before it is cut off ($2 is `--option=` or nothing).
_detox_offer() {
    local typed=$1 before=$2 word mark rest whole
    [[ $typed == [\"\']* ]] && typed=${typed:1}
    rest=$before$typed
    if [[ $1 == "$typed" ]]; then
        for mark in = :; do
            [[ $COMP_WORDBREAKS == *"$mark"* ]] && rest=${rest##*"$mark"}
        done
    fi
    whole=$before$typed
    whole=${whole:0:${#whole}-${#rest}}
    for word in ${reply[@]+"${reply[@]}"}; do
        [[ $word == "$typed"* ]] || continue
        word=$before$word
        COMPREPLY+=("${word#"$whole"}")
    done
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# Let readline complete paths itself (it knows ~, quotes and spaces); bash before 4 has no compopt.
_detox_paths() {
    local name
    compopt -o "$1" 2>/dev/null && return
    [[ $1 == dirnames ]] && set -- -d || set -- -f
    while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$1" -- "${cur##*[=:]}")
}

# Folders beside other names, listed here because readline would then show every name without its owner.
_detox_folders() {
    local folder
    reply=()
    while IFS= read -r folder; do reply+=("$folder/"); done < <(compgen -d -- "$1")
    _detox_offer "$1" "$2"
}

# Files with one of the suffixes in `types`, folders, and the words in `reply`. What has quotes in it, and what
# fits none of them, is left to readline, which shows every file.
_detox_files() {
    local typed=$1 before=$2 name
    if [[ $typed == [!/=]*=* && ! -e $typed ]]; then
        before+=${typed%%=*}= typed=${typed#*=} reply=()
    fi
    if [[ $typed != *[\"\'\\~]* ]]; then
        while IFS= read -r name; do
            [[ -d $name || $types == *" ${name##*.} "* ]] && reply+=("$name")
        done < <(compgen -f -- "$typed")
        compopt -o filenames 2>/dev/null
        _detox_offer "$typed" "$before"
    fi
    [[ ${COMPREPLY[*]-} ]] || _detox_paths default
}

# Offer the values of a kind: $1 kind, $2 what is typed, $3 `--option=` or nothing. Words are in `reply`.
_detox_value() {
    case $1 in
        choice) _detox_offer "$2" "$3" ;;
        profile) _detox_profiles; _detox_offer "$2" "$3"; [[ $2 == */* ]] && _detox_paths default ;;
        model) _detox_model "$2" "$3" ;;
        file)
            if [[ $types || ${reply[*]-} ]]; then _detox_files "$2" "$3"; else _detox_paths default; fi
            ;;
        folder)
            if [[ ${reply[*]-} ]]; then
                _detox_offer "$2" "$3"
                [[ $2 == builtin:* ]] || _detox_folders "$2" "$3"
            else
                _detox_paths dirnames
            fi
            ;;
        scorer) _detox_scorer "$2" "$3" ;;
    esac
}

# A model may be a folder too, but no folder comes after `builtin:`.
_detox_model() {
    _detox_cached_models
    _detox_offer "$1" "$2"
    [[ $1 == *:* ]] || _detox_folders "$1" "$2"
}

_detox_scorer() {
    reply+=(calibrated: comet: detoxify: hf: lexicon: max: mean: perspective: vote:)
    case $1 in
        hf:* | comet:*) reply=(); _detox_model "${1#*:}" "$2${1%%:*}:"; return ;;
        calibrated:* | detoxify:* | lexicon:*) _detox_paths default ;;
    esac
    _detox_offer "$1" "$2"
}

_detox() {
    local words reply kind types takes path= word index=1 place=1 literal=
    COMPREPLY=()
    _detox_words
    local last=$((${#words[@]} - 1)) cur=${words[${#words[@]}-1]}
    while ((index < last)); do
        word=${words[index++]}
        if [[ ! $literal ]]; then
            case $word in
                --) literal=yes; continue ;;
                --*=*) continue ;;
                -?*)
                    _detox_option "$path" "$word"
                    ((index += takes))
                    ((index > last)) && { _detox_value "$kind" "$cur" ''; return; }
                    continue
                    ;;
            esac
        fi
        _detox_children "$path"
        case " ${reply[*]-} " in
            *" $word "*) path=${path:+$path }$word place=1 ;;
            *) ((place++)) ;;
        esac
    done
    if [[ ! $literal && $cur == --*=* ]]; then
        _detox_option "$path" "${cur%%=*}"
        ((takes)) && _detox_value "$kind" "${cur#*=}" "${cur%%=*}="
    elif [[ ! $literal && $cur == -* ]]; then
        _detox_options "$path"
        _detox_offer "$cur" ''
    else
        _detox_children "$path"
        [[ ${reply[*]-} ]] && { _detox_offer "$cur" ''; return; }
        _detox_argument "$path" "$place"
        _detox_value "$kind" "$cur" ''
    fi
}

complete -F _detox detox
