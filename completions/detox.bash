# bash completion for detox 0.1.0. Generated from the command tree, do not edit.

# The commands below $1.
_detox_children() {
    reply=()
    case "$1" in
        '') reply=(demo synth abliterate merge negate train generate eval probe doctor report status profile completion) ;;
        synth) reply=(pairs preferences chain) ;;
        train) reply=(bart lm cmd dpo spans) ;;
        eval) reply=(generation rewrite compare calibrate) ;;
        probe) reply=(train vectors intervene retrieval predict-transfer activations diff) ;;
        profile) reply=(list show check copy) ;;
    esac
}

# The options of $1.
_detox_options() {
    reply=()
    case "$1" in
        '') reply=(--version --help -h) ;;
        demo) reply=(--output -o --data --limit --test-share --show --redact --no-redact --seed --overwrite --no-overwrite --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        synth | train | eval | probe | profile) reply=(--help -h) ;;
        'synth pairs') reply=(--model -m --output -o --text-column --split --limit --lang --lang-column --prompt --temperature --top-p --top-k --max-new-tokens --seed --rejects --strict --no-strict --overwrite --no-overwrite --ray-address --ray-actors --ray-cpus --ray-gpus --ray-restarts --revision --engine --ray-engine --adapter --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --quantize --attention --tensor-parallel --base-url --plain-http --no-plain-http --concurrency --num-shots --shots --shots-split --shot-selection --shot-style --exclude --num-candidates --score --no-score --sta --sim --fl --refusal-rule --refusal-scorer --refusal-threshold --retries --retry-on --retry-prompt --advise-above --drop --min-toxicity --min-chrf --max-chrf --min-length --max-length --min-sta --min-sim --min-fl --min-j --min-toxicity-drop --dropped --preferences --min-margin --paper-csv --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'synth preferences') reply=(--prompts --from-file --from --output -o --scorers -s --text-column --split --languages --limit --password --seed --cache --no-cache --checkpoint --rejects --strict --no-strict --overwrite --no-overwrite --ray-address --ray-actors --ray-cpus --ray-gpus --ray-restarts --revision --engine --ray-engine --adapter --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --quantize --attention --tensor-parallel --base-url --plain-http --no-plain-http --concurrency --method --num-samples --max-new-tokens --temperature --top-p --top-k --prompt-tokens --probe --step-size --iterations --window --horizon --gamma --gm-scale --kl-scale --max-chosen --min-rejected --min-margin --length-ratio --pairs-per-prompt --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'synth chain') reply=(--output -o --from-stage --from --to-stage --to --data --scorer -s --tox-threshold --seed --strict --no-strict --overwrite --no-overwrite --ray-address --ray-actors --ray-cpus --ray-gpus --ray-restarts --revision --engine --ray-engine --adapter --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --quantize --attention --tensor-parallel --base-url --plain-http --no-plain-http --concurrency --prompts --text-column --split --limit --max-samples --toxic-ratio --rescore --no-rescore --test-share --exclude --detector -d --span-threshold --lower-threshold --mask-passes --filler -f --fill-mode --filler-engine --filler-base-url --filler-adapter --num-fills --fill-retries --fill-temperature --fill-top-p --fill-tokens --accept-paraphrase --no-accept-paraphrase --similarity --min-similarity --judge --keep-similar --keep-fluent --num-samples --max-new-tokens --temperature --top-p --top-k --empty-retries --template --mode --pos-max --neg-threshold --max-neg --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        abliterate) reply=(--output -o --contrast --goal --adapter --no-adapter --seed --overwrite --no-overwrite --measure-only --no-measure-only --choose-only --no-choose-only --direction --verify --positive --negative --pairs --text-column --limit --system --chat-template --prefix --raw --no-raw --filter --no-filter --force --no-force --positions --winsorize --blockwise --no-blockwise --position --layer --mode --directions --choose-kl --choose-induce --choose-depth --choose-separation --best-anyway --no-best-anyway --mask-massive --no-mask-massive --search --search-sampler --search-kl --search-answers --no-search-answers --embedding-strength --attention-strength --mlp-strength --edit-layers --tied --rounding --targets --link-untouched --no-link-untouched --parts --safe --text --task-pairs --task-rows --new-tokens --keep-answers --no-keep-answers --refusal-scorer --quantize --sta --sim --fl --max-kl --max-ppl-increase --min-joint --max-refusals --revision --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        merge) reply=(--recipe --method --base --output -o --seed --overwrite --no-overwrite --weight --density --gamma --epsilon --t --normalize --no-normalize --rescale --no-rescale --rounding --shard-size --threads --hash-inputs --no-hash-inputs --scale --adapter --extract --compare --no-compare --dtype --tokenizer --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        negate) reply=(--expert --scale --output -o --method --order --expert-scale --orders --no-orders --out-dtype --seed --overwrite --no-overwrite --weight --density --gamma --epsilon --t --normalize --no-normalize --rescale --no-rescale --rounding --shard-size --threads --hash-inputs --no-hash-inputs --data --preset --where --text-column --split --keep-experts --prompts --limit --num-samples --protocol --scorers -s --text --max-ppl-increase --rule --control --picture --device --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'train bart') reply=(--output -o --model -m --revision --trust-remote-code --no-trust-remote-code --overwrite --no-overwrite --toxic-column --neutral-columns --split --limit --weight --origin --held-out --eval-share --hold-out --split-seed --dedupe --no-dedupe --prefix --template --source-lang --target-lang --abstain --abstain-text --abstain-reasons --abstain-weight --max-length --pad-to-max-length --no-pad-to-max-length --loss-on-padding --no-loss-on-padding --group-by-length --no-group-by-length --rejects --strict --no-strict --epochs --min-steps --learning-rate --schedule --warmup --batch-size --accumulate --optimizer --weight-decay --max-grad-norm --gradient-checkpointing --no-gradient-checkpointing --precision --device --deterministic --no-deterministic --seed --eval-every --eval-batch-size --patience --checkpoints --keep-best --keep-checkpoints --no-keep-checkpoints --tracker --seeds --label-smoothing --eval-rows --select --toxicity --similarity --fluency --num-beams --max-new-tokens --no-repeat-ngram-size --length-penalty --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'train lm') reply=(--revision --trust-remote-code --no-trust-remote-code --overwrite --no-overwrite --output -o --data --preset --where --text-column --dataset-split --sample --limit --split --eval-share --split-seed --dedupe --no-dedupe --rejects --strict --no-strict --max-length --end-token --no-end-token --group-by-length --no-group-by-length --packing --no-packing --pack-length --epochs --min-steps --learning-rate --schedule --warmup --batch-size --accumulate --optimizer --weight-decay --max-grad-norm --gradient-checkpointing --no-gradient-checkpointing --precision --device --deterministic --no-deterministic --seed --eval-every --eval-batch-size --patience --checkpoints --keep-best --keep-checkpoints --no-keep-checkpoints --tracker --lora --dtype --attention --ascent --no-ascent --max-loss --parallel --select --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'train cmd') reply=(--data --output -o --revision --trust-remote-code --no-trust-remote-code --overwrite --no-overwrite --template --mode --limit --max-length --over-length --val-fraction --split-seed --rejects --strict --no-strict --contrast --alpha --max-neg --beta --tau --pool --contrast-context --anchor --anchor-every --epochs --min-steps --learning-rate --schedule --warmup --batch-size --accumulate --optimizer --weight-decay --max-grad-norm --gradient-checkpointing --no-gradient-checkpointing --precision --device --deterministic --no-deterministic --seed --eval-every --eval-batch-size --patience --checkpoints --keep-best --keep-checkpoints --no-keep-checkpoints --tracker --seeds --lora --target --dtype --qlora --merge --no-merge --merge-dtype --keep-adapter --no-keep-adapter --group-by-length --no-group-by-length --select --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'train dpo') reply=(--data --output -o --export-trl-args --revision --trust-remote-code --no-trust-remote-code --overwrite --no-overwrite --map --split --limit --where --lang --mix --password --swap --no-swap --dedup --no-dedup --char-filter --length-match --max-prompt-tokens --max-length --append-eos --no-append-eos --add-bos --no-add-bos --val-fraction --val-file --val-group --split-seed --rejects --strict --no-strict --loss --loss-weight --beta --label-smoothing --sft-weight --ref-model --precompute-ref --no-precompute-ref --epochs --min-steps --learning-rate --schedule --warmup --batch-size --accumulate --optimizer --weight-decay --max-grad-norm --gradient-checkpointing --no-gradient-checkpointing --precision --device --deterministic --no-deterministic --seed --eval-every --eval-batch-size --patience --checkpoints --keep-best --keep-checkpoints --no-keep-checkpoints --tracker --seeds --lora --rslora --no-rslora --dora --no-dora --target --dtype --qlora --merge --no-merge --merge-dtype --keep-adapter --no-keep-adapter --group-by-length --no-group-by-length --eval-steps --eval-rows --select --prompts --prompt-rows --samples --toxicity --track-neurons --max-kl --max-ppl-increase --max-language-loss --target-toxicity --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'train spans') reply=(--revision --trust-remote-code --no-trust-remote-code --overwrite --no-overwrite --output -o --data --test --text-column --spans-column --span-types --min-votes --dataset-split --limit --test-share --eval-share --split-seed --rejects --strict --no-strict --max-length --head --toxic-weight --window --convolution --reading --epochs --min-steps --learning-rate --schedule --warmup --batch-size --accumulate --optimizer --weight-decay --max-grad-norm --gradient-checkpointing --no-gradient-checkpointing --precision --device --deterministic --no-deterministic --seed --eval-every --eval-batch-size --patience --checkpoints --keep-best --keep-checkpoints --no-keep-checkpoints --tracker --seeds --select --threshold --baseline --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        generate) reply=(--output -o --text-column --split --limit --chat --no-chat --system --prefix --num-samples --max-new-tokens --temperature --top-p --top-k --num-beams --no-repeat-ngram-size --stop --seed --rejects --strict --no-strict --overwrite --no-overwrite --chain --chain-tokens --chain-retries --chain-prefill --no-chain-prefill --ray-address --ray-actors --ray-cpus --ray-gpus --ray-restarts --revision --engine --ray-engine --adapter --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --quantize --attention --tensor-parallel --base-url --plain-http --no-plain-http --concurrency --show-chain --no-show-chain --answer-only --no-answer-only --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'eval generation') reply=(--prompts --from-file --from --output -o --protocol --scorers -s --until --text-column --split --where --languages --limit --password --seed --resamples --cache --no-cache --checkpoint --strict --no-strict --overwrite --no-overwrite --chain --chain-tokens --chain-retries --chain-prefill --no-chain-prefill --ray-address --ray-actors --ray-cpus --ray-gpus --ray-restarts --revision --engine --ray-engine --adapter --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --quantize --attention --tensor-parallel --base-url --plain-http --no-plain-http --concurrency --num-samples --max-new-tokens --temperature --top-p --prefix --prompt-tokens --k --threshold --given-scores --judge --similarity --legacy-judge --text --kl-to --kl-prompts --kl-limit --f1 --lm-eval --window --stride --language-id --no-language-id --dist-tokenizer --fail-if --export --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'eval rewrite') reply=(--suite --references --output -o --toxic-column --output-column --reference-columns --abstain-text --limit --seed --resamples --device --cache --no-cache --rejects --strict --no-strict --overwrite --no-overwrite --baselines --no-baselines --rows --fail-if --fail-below --meta --batch-tokens --ray-address --ray-actors --ray-cpus --ray-gpus --ray-restarts --sta --sim --fl --lexicon --engine --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'eval compare') reply=(--suite --references --output -o --toxic-column --output-column --reference-columns --abstain-text --limit --seed --resamples --cache --no-cache --rejects --strict --no-strict --overwrite --no-overwrite --against --scores --no-scores --tie-margin --pareto --fail-if --picture --sta --sim --fl --device --ray-address --ray-actors --ray-cpus --ray-gpus --ray-restarts --revision --engine --ray-engine --adapter --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --quantize --attention --tensor-parallel --base-url --plain-http --no-plain-http --concurrency --judge --judge-retries --verdicts --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'eval calibrate') reply=(--labels --hatecheck --output -o --languages --text-column --label-column --lang --toxic-from --soft --no-soft --least --password --checkpoint --limit --seed --resamples --device --batch-tokens --cache --no-cache --rejects --strict --no-strict --overwrite --no-overwrite --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'probe train') reply=(--layers --pooling --output -o --overwrite --no-overwrite --max-tokens --features --features-dtype --data --test --text-column --label-column --lang --languages --toxic-from --limit --password --test-share --validation-share --seed --resamples --rejects --strict --no-strict --revision --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --method --l2 --class-weight --controls --random-directions --epochs --batch-size --learning-rate --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'probe vectors') reply=(--probe --neurons --output -o --top --per-layer --no-per-layer --activations --no-activations --words --parallel --components --component-vectors --random --seed --resamples --overwrite --no-overwrite --revision --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --prompts --text-column --split --languages --limit --password --max-new-tokens --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'probe intervene') reply=(--neurons --probe --op --dose --positions --layers --top --output -o --controls --bake --audit --no-audit --seed --overwrite --no-overwrite --revision --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --prompts --limit --languages --language-id --no-language-id --password --num-samples --protocol --scorers -s --text --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'probe retrieval') reply=(--layers --pooling --output -o --overwrite --no-overwrite --max-tokens --features --features-dtype --data --pivot --languages --limit --neighbours --effect --password --seed --resamples --rejects --strict --no-strict --revision --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'probe predict-transfer') reply=(--known --measure --output -o --seed --resamples --overwrite --no-overwrite --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'probe activations') reply=(--logit-lens --no-logit-lens --lens-words --tuned --probe --neurons --output -o --top --positivity --gates --no-gates --random --seed --resamples --overwrite --no-overwrite --revision --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --prompts --text-column --split --languages --limit --password --max-new-tokens --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        'probe diff') reply=(--logit-lens --no-logit-lens --lens-words --probe --neurons --output -o --top --subspace --subspace-vectors --components --random --seed --resamples --overwrite --no-overwrite --revision --device --dtype --trust-remote-code --no-trust-remote-code --batch-tokens --prompts --text-column --split --languages --limit --password --max-new-tokens --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        doctor) reply=(--timeout --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        report) reply=(--output -o --title --samples --redact --no-redact --overwrite --no-overwrite --json --quiet -q --verbose -v --debug --profile --print-config --dry-run --offline --help -h) ;;
        status) reply=(--watch -w --every --json --quiet -q --verbose -v --debug --help -h) ;;
        'profile list' | 'profile show' | 'profile check' | 'profile copy') reply=(--json --quiet -q --verbose -v --debug --help -h) ;;
        completion) reply=(--install --uninstall --json --quiet -q --verbose -v --debug --help -h) ;;
    esac
}

# What option $2 of $1 takes.
_detox_option() {
    takes=0 kind= types= reply=()
    case $1 in
        demo)
            case $2 in
                --output | -o) takes=1 kind=folder ;;
                --data) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --limit | --test-share | --show | --seed) takes=1 kind=nothing ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'synth pairs')
            case $2 in
                --model | -m) takes=1 kind=model reply=(builtin:chat builtin:lm) ;;
                --output | -o | --rejects | --dropped | --preferences | --paper-csv) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --text-column | --split | --limit | --lang | --lang-column | --temperature | --top-p | --top-k | --max-new-tokens | --seed | --ray-address | --ray-actors | --ray-cpus | --ray-gpus | --ray-restarts | --revision | --batch-tokens | --tensor-parallel | --base-url | --concurrency | --num-shots | --shots-split | --num-candidates | --refusal-threshold | --retries | --advise-above | --min-toxicity | --min-chrf | --max-chrf | --min-length | --max-length | --min-sta | --min-sim | --min-fl | --min-j | --min-toxicity-drop | --min-margin) takes=1 kind=nothing ;;
                --prompt | --retry-prompt) takes=1 kind=choice reply=(detox-en-v1 detox-en-v2 detox-multi-v1) ;;
                --engine) takes=1 kind=choice reply=(transformers vllm server ray) ;;
                --ray-engine) takes=1 kind=choice reply=(transformers vllm server) ;;
                --adapter) takes=1 kind=folder ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --quantize) takes=1 kind=choice reply=(4bit 8bit) ;;
                --attention) takes=1 kind=choice reply=(auto sdpa flash_attention_2 eager) ;;
                --shots | --exclude) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --shot-selection) takes=1 kind=choice reply=(last random best knn) ;;
                --shot-style) takes=1 kind=choice reply=(turns inline) ;;
                --sta | --refusal-scorer) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --sim) takes=1 kind=scorer reply=(builtin:similarity) ;;
                --fl) takes=1 kind=scorer reply=(builtin:fluency) ;;
                --refusal-rule) takes=1 kind=choice reply=(anchored paper) ;;
                --retry-on) takes=1 kind=choice reply=(refusal empty copy truncated too_long) ;;
                --drop) takes=1 kind=choice reply=(refusal empty copy truncated too_long all) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'synth preferences')
            case $2 in
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --from-file | --from | --output | -o | --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --scorers | -s) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --text-column | --split | --languages | --limit | --password | --seed | --ray-address | --ray-actors | --ray-cpus | --ray-gpus | --ray-restarts | --revision | --batch-tokens | --tensor-parallel | --base-url | --concurrency | --num-samples | --max-new-tokens | --temperature | --top-p | --top-k | --prompt-tokens | --step-size | --iterations | --window | --horizon | --gamma | --gm-scale | --kl-scale | --max-chosen | --min-rejected | --min-margin | --length-ratio | --pairs-per-prompt) takes=1 kind=nothing ;;
                --checkpoint | --probe) takes=1 kind=file types=' safetensors pt pth bin ckpt ' ;;
                --engine) takes=1 kind=choice reply=(transformers vllm server ray) ;;
                --ray-engine) takes=1 kind=choice reply=(transformers vllm server) ;;
                --adapter) takes=1 kind=folder ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --quantize) takes=1 kind=choice reply=(4bit 8bit) ;;
                --attention) takes=1 kind=choice reply=(auto sdpa flash_attention_2 eager) ;;
                --method) takes=1 kind=choice reply=(sample pplm) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'synth chain')
            case $2 in
                --output | -o | --adapter | --filler-adapter) takes=1 kind=folder ;;
                --from-stage | --from | --to-stage | --to) takes=1 kind=choice reply=(spans mask fill continue score build) ;;
                --data) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --scorer | -s) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --tox-threshold | --seed | --ray-address | --ray-actors | --ray-cpus | --ray-gpus | --ray-restarts | --revision | --batch-tokens | --tensor-parallel | --base-url | --concurrency | --text-column | --split | --limit | --max-samples | --toxic-ratio | --test-share | --span-threshold | --lower-threshold | --mask-passes | --filler-base-url | --num-fills | --fill-retries | --fill-temperature | --fill-top-p | --fill-tokens | --min-similarity | --keep-similar | --keep-fluent | --num-samples | --max-new-tokens | --temperature | --top-p | --top-k | --empty-retries | --pos-max | --neg-threshold | --max-neg) takes=1 kind=nothing ;;
                --engine) takes=1 kind=choice reply=(transformers vllm server ray) ;;
                --ray-engine | --filler-engine) takes=1 kind=choice reply=(transformers vllm server) ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --quantize) takes=1 kind=choice reply=(4bit 8bit) ;;
                --attention) takes=1 kind=choice reply=(auto sdpa flash_attention_2 eager) ;;
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --exclude) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --detector | -d) takes=1 kind=folder reply=(builtin:spans builtin:lexicon) ;;
                --filler | -f) takes=1 kind=model reply=(builtin:bart builtin:chat builtin:lm) ;;
                --fill-mode) takes=1 kind=choice reply=(auto infill sentinels instruct rewrite) ;;
                --similarity) takes=1 kind=scorer reply=(builtin:similarity) ;;
                --judge) takes=1 kind=model reply=(builtin:chat builtin:lm) ;;
                --template) takes=1 kind=file types=' toml json ' reply=(chat cmd-v3-code cmd-v3-paper detox-cot-v1 json plain special-tokens) ;;
                --mode) takes=1 kind=choice reply=(chain direct both) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        abliterate)
            case $2 in
                --output | -o | --verify) takes=1 kind=folder ;;
                --contrast) takes=1 kind=choice reply=(refusal task toxicity files) ;;
                --goal | --seed | --text-column | --limit | --system | --prefix | --positions | --winsorize | --position | --layer | --directions | --choose-kl | --choose-induce | --choose-depth | --choose-separation | --search | --search-kl | --embedding-strength | --attention-strength | --mlp-strength | --edit-layers | --targets | --task-rows | --new-tokens | --max-kl | --max-ppl-increase | --min-joint | --max-refusals | --revision | --batch-tokens) takes=1 kind=nothing ;;
                --direction) takes=1 kind=file types=' safetensors pt pth bin ckpt ' ;;
                --positive | --negative | --pairs | --safe | --task-pairs) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --chat-template) takes=1 kind=file types=' jinja jinja2 j2 txt ' ;;
                --mode) takes=1 kind=choice reply=(zero affine projected norm-preserving) ;;
                --search-sampler) takes=1 kind=choice reply=(tpe nsga) ;;
                --tied) takes=1 kind=choice reply=(skip untie edit) ;;
                --rounding) takes=1 kind=choice reply=(exact nearest) ;;
                --parts) takes=1 kind=choice reply=(residues forward task refusals safe kl perplexity) ;;
                --text) takes=1 kind=file types=' txt md jsonl json csv tsv parquet ' ;;
                --refusal-scorer | --sta) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --quantize) takes=1 kind=choice reply=(4bit 8bit) ;;
                --sim) takes=1 kind=scorer reply=(builtin:similarity) ;;
                --fl) takes=1 kind=scorer reply=(builtin:fluency) ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        merge)
            case $2 in
                --recipe) takes=1 kind=file types=' yaml yml ' ;;
                --method) takes=1 kind=choice reply=(linear task_arithmetic slerp nuslerp ties dare_linear dare_ties della della_linear breadcrumbs breadcrumbs_ties model_stock) ;;
                --base) takes=1 kind=model reply=(builtin:bart builtin:chat builtin:fluency builtin:lm builtin:similarity builtin:spans builtin:toxicity builtin:toxicity-multilingual) ;;
                --output | -o | --adapter) takes=1 kind=folder ;;
                --seed | --weight | --density | --gamma | --epsilon | --t | --shard-size | --threads | --scale | --extract) takes=1 kind=nothing ;;
                --rounding) takes=1 kind=choice reply=(nearest stochastic) ;;
                --dtype) takes=1 kind=choice reply=(float32 bfloat16 float16) ;;
                --tokenizer) takes=1 kind=model reply=(base union builtin:bart builtin:chat builtin:lm) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        negate)
            case $2 in
                --expert) takes=1 kind=model reply=(builtin:bart builtin:chat builtin:fluency builtin:lm builtin:similarity builtin:spans builtin:toxicity builtin:toxicity-multilingual) ;;
                --scale | --expert-scale | --seed | --weight | --density | --gamma | --epsilon | --t | --shard-size | --threads | --where | --text-column | --split | --limit | --num-samples | --max-ppl-increase) takes=1 kind=nothing ;;
                --output | -o | --keep-experts) takes=1 kind=folder ;;
                --method) takes=1 kind=choice reply=(linear task_arithmetic slerp nuslerp ties dare_linear dare_ties della della_linear breadcrumbs breadcrumbs_ties model_stock) ;;
                --order) takes=1 kind=choice reply=(merge-first negate-first) ;;
                --out-dtype) takes=1 kind=choice reply=(float32 bfloat16 float16) ;;
                --rounding) takes=1 kind=choice reply=(nearest stochastic) ;;
                --data) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --preset) takes=1 kind=choice reply=(civil-toxic civil-clean toxigen-toxic toxigen-clean toxigen-annotated-toxic jigsaw-toxic jigsaw-clean) ;;
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --protocol) takes=1 kind=choice reply=(rtp crosslingual task-vector dexperts lee2024) ;;
                --scorers | -s) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --text) takes=1 kind=file types=' txt md jsonl json csv tsv parquet ' ;;
                --rule) takes=1 kind=choice reply=(largest front) ;;
                --control) takes=1 kind=model reply=(random builtin:bart builtin:chat builtin:fluency builtin:lm builtin:similarity builtin:spans builtin:toxicity builtin:toxicity-multilingual) ;;
                --picture) takes=1 kind=choice reply=(svg png pdf none) ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'train bart')
            case $2 in
                --output | -o) takes=1 kind=folder ;;
                --model | -m) takes=1 kind=model reply=(builtin:bart) ;;
                --revision | --toxic-column | --neutral-columns | --split | --limit | --weight | --eval-share | --split-seed | --prefix | --template | --source-lang | --target-lang | --abstain-text | --abstain-reasons | --abstain-weight | --max-length | --epochs | --min-steps | --learning-rate | --warmup | --batch-size | --accumulate | --weight-decay | --max-grad-norm | --seed | --eval-every | --eval-batch-size | --patience | --checkpoints | --keep-best | --seeds | --label-smoothing | --eval-rows | --num-beams | --max-new-tokens | --no-repeat-ngram-size | --length-penalty) takes=1 kind=nothing ;;
                --origin) takes=1 kind=choice reply=(human synthetic) ;;
                --held-out | --abstain) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --hold-out) takes=1 kind=choice reply=(sources rows) ;;
                --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --schedule) takes=1 kind=choice reply=(linear cosine constant constant_with_warmup) ;;
                --optimizer) takes=1 kind=choice reply=(adamw_torch adafactor paged_adamw_32bit rmsprop) ;;
                --precision) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --device) takes=1 kind=choice reply=(auto cpu) ;;
                --tracker) takes=1 kind=choice reply=(none wandb tensorboard mlflow) ;;
                --select) takes=1 kind=choice reply=(j loss last) ;;
                --toxicity) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --similarity) takes=1 kind=scorer reply=(builtin:similarity) ;;
                --fluency) takes=1 kind=scorer reply=(builtin:fluency) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'train lm')
            case $2 in
                --revision | --where | --text-column | --dataset-split | --sample | --limit | --split | --eval-share | --split-seed | --max-length | --pack-length | --epochs | --min-steps | --learning-rate | --warmup | --batch-size | --accumulate | --weight-decay | --max-grad-norm | --seed | --eval-every | --eval-batch-size | --patience | --checkpoints | --keep-best | --lora | --max-loss) takes=1 kind=nothing ;;
                --output | -o) takes=1 kind=folder ;;
                --data) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --preset) takes=1 kind=choice reply=(civil-toxic civil-clean toxigen-toxic toxigen-clean toxigen-annotated-toxic jigsaw-toxic jigsaw-clean) ;;
                --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --schedule) takes=1 kind=choice reply=(linear cosine constant constant_with_warmup) ;;
                --optimizer) takes=1 kind=choice reply=(adamw_torch adafactor paged_adamw_32bit rmsprop) ;;
                --precision) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --device) takes=1 kind=choice reply=(auto cpu) ;;
                --tracker) takes=1 kind=choice reply=(none wandb tensorboard mlflow) ;;
                --dtype) takes=1 kind=choice reply=(float32 bfloat16) ;;
                --attention) takes=1 kind=choice reply=(auto sdpa flash_attention_2 eager) ;;
                --parallel) takes=1 kind=choice reply=(rows parts) ;;
                --select) takes=1 kind=choice reply=(loss last) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'train cmd')
            case $2 in
                --data | --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --output | -o) takes=1 kind=folder ;;
                --revision | --limit | --max-length | --val-fraction | --split-seed | --alpha | --max-neg | --beta | --tau | --anchor-every | --epochs | --min-steps | --learning-rate | --warmup | --batch-size | --accumulate | --weight-decay | --max-grad-norm | --seed | --eval-every | --eval-batch-size | --patience | --checkpoints | --keep-best | --seeds | --lora) takes=1 kind=nothing ;;
                --template) takes=1 kind=file types=' toml json ' reply=(chat cmd-v3-code cmd-v3-paper detox-cot-v1 json plain special-tokens) ;;
                --mode) takes=1 kind=choice reply=(chain direct both) ;;
                --over-length) takes=1 kind=choice reply=(truncate-prompt drop error) ;;
                --contrast) takes=1 kind=choice reply=(cmd dpo unlikelihood none) ;;
                --pool) takes=1 kind=choice reply=(mask-mean all) ;;
                --contrast-context) takes=1 kind=choice reply=(none prompt) ;;
                --anchor) takes=1 kind=choice reply=(sample teacher) ;;
                --schedule) takes=1 kind=choice reply=(linear cosine constant constant_with_warmup) ;;
                --optimizer) takes=1 kind=choice reply=(adamw_torch adafactor paged_adamw_32bit rmsprop) ;;
                --precision) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --device) takes=1 kind=choice reply=(auto cpu) ;;
                --tracker) takes=1 kind=choice reply=(none wandb tensorboard mlflow) ;;
                --target) takes=1 kind=choice reply=(auto all-linear mlp attn) ;;
                --dtype | --merge-dtype) takes=1 kind=choice reply=(float32 bfloat16 float16) ;;
                --qlora) takes=1 kind=choice reply=(nf4 fp4) ;;
                --select) takes=1 kind=choice reply=(loss last) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'train dpo')
            case $2 in
                --data | --val-file | --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --output | -o | --export-trl-args) takes=1 kind=folder ;;
                --revision | --map | --split | --limit | --where | --lang | --mix | --password | --char-filter | --length-match | --max-prompt-tokens | --max-length | --val-fraction | --split-seed | --loss-weight | --beta | --label-smoothing | --sft-weight | --epochs | --min-steps | --learning-rate | --warmup | --batch-size | --accumulate | --weight-decay | --max-grad-norm | --seed | --eval-every | --eval-batch-size | --patience | --checkpoints | --keep-best | --seeds | --lora | --eval-steps | --eval-rows | --prompt-rows | --samples | --max-kl | --max-ppl-increase | --max-language-loss | --target-toxicity) takes=1 kind=nothing ;;
                --val-group) takes=1 kind=choice reply=(prompt row) ;;
                --loss) takes=1 kind=choice reply=(sigmoid hinge ipo exo_pair nca_pair robust bco_pair sppo_hard aot aot_unpaired apo_zero apo_down discopop sft sigmoid_norm) ;;
                --ref-model) takes=1 kind=model reply=(builtin:chat builtin:lm) ;;
                --schedule) takes=1 kind=choice reply=(linear cosine constant constant_with_warmup) ;;
                --optimizer) takes=1 kind=choice reply=(adamw_torch adafactor paged_adamw_32bit rmsprop) ;;
                --precision) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --device) takes=1 kind=choice reply=(auto cpu) ;;
                --tracker) takes=1 kind=choice reply=(none wandb tensorboard mlflow) ;;
                --target) takes=1 kind=choice reply=(all-linear mlp attn) ;;
                --dtype | --merge-dtype) takes=1 kind=choice reply=(float32 bfloat16 float16) ;;
                --qlora) takes=1 kind=choice reply=(nf4 fp4) ;;
                --select) takes=1 kind=choice reply=(loss toxicity last) ;;
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --toxicity) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --track-neurons) takes=1 kind=file types=' json pkl pickle safetensors pt pth bin ckpt ' ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'train spans')
            case $2 in
                --revision | --text-column | --spans-column | --span-types | --min-votes | --dataset-split | --limit | --test-share | --eval-share | --split-seed | --max-length | --toxic-weight | --window | --epochs | --min-steps | --learning-rate | --warmup | --batch-size | --accumulate | --weight-decay | --max-grad-norm | --seed | --eval-every | --eval-batch-size | --patience | --checkpoints | --keep-best | --seeds | --threshold) takes=1 kind=nothing ;;
                --output | -o) takes=1 kind=folder ;;
                --data | --test | --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --head) takes=1 kind=choice reply=(tokens segment-cnn) ;;
                --convolution) takes=1 kind=choice reply=(full shared) ;;
                --reading) takes=1 kind=choice reply=(all any) ;;
                --schedule) takes=1 kind=choice reply=(linear cosine constant constant_with_warmup) ;;
                --optimizer) takes=1 kind=choice reply=(adamw_torch adafactor paged_adamw_32bit rmsprop) ;;
                --precision) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --device) takes=1 kind=choice reply=(auto cpu) ;;
                --tracker) takes=1 kind=choice reply=(none wandb tensorboard mlflow) ;;
                --select) takes=1 kind=choice reply=(f1 loss last) ;;
                --baseline) takes=1 kind=folder reply=(builtin:spans builtin:lexicon) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        generate)
            case $2 in
                --output | -o | --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --text-column | --split | --limit | --system | --prefix | --num-samples | --max-new-tokens | --temperature | --top-p | --top-k | --num-beams | --no-repeat-ngram-size | --stop | --seed | --chain-tokens | --chain-retries | --ray-address | --ray-actors | --ray-cpus | --ray-gpus | --ray-restarts | --revision | --batch-tokens | --tensor-parallel | --base-url | --concurrency) takes=1 kind=nothing ;;
                --chain) takes=1 kind=file types=' toml json ' reply=(cmd chat cmd-v3-code cmd-v3-paper detox-cot-v1 json plain special-tokens) ;;
                --engine) takes=1 kind=choice reply=(transformers vllm server ray) ;;
                --ray-engine) takes=1 kind=choice reply=(transformers vllm server) ;;
                --adapter) takes=1 kind=folder ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --quantize) takes=1 kind=choice reply=(4bit 8bit) ;;
                --attention) takes=1 kind=choice reply=(auto sdpa flash_attention_2 eager) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'eval generation')
            case $2 in
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --from-file | --from | --f1) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --output | -o | --adapter) takes=1 kind=folder ;;
                --protocol) takes=1 kind=choice reply=(rtp crosslingual task-vector dexperts lee2024) ;;
                --scorers | -s) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --until) takes=1 kind=choice reply=(generations scores summary) ;;
                --text-column | --split | --where | --languages | --limit | --password | --seed | --resamples | --chain-tokens | --chain-retries | --ray-address | --ray-actors | --ray-cpus | --ray-gpus | --ray-restarts | --revision | --batch-tokens | --tensor-parallel | --base-url | --concurrency | --num-samples | --max-new-tokens | --temperature | --top-p | --prefix | --prompt-tokens | --k | --threshold | --kl-limit | --lm-eval | --window | --stride | --fail-if) takes=1 kind=nothing ;;
                --checkpoint) takes=1 kind=file types=' safetensors pt pth bin ckpt ' ;;
                --chain) takes=1 kind=file types=' toml json ' reply=(cmd chat cmd-v3-code cmd-v3-paper detox-cot-v1 json plain special-tokens) ;;
                --engine) takes=1 kind=choice reply=(transformers vllm server ray) ;;
                --ray-engine) takes=1 kind=choice reply=(transformers vllm server) ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --quantize) takes=1 kind=choice reply=(4bit 8bit) ;;
                --attention) takes=1 kind=choice reply=(auto sdpa flash_attention_2 eager) ;;
                --given-scores) takes=1 kind=choice reply=(no too only) ;;
                --judge | --kl-to) takes=1 kind=model reply=(builtin:chat builtin:lm) ;;
                --similarity) takes=1 kind=scorer reply=(builtin:similarity) ;;
                --legacy-judge) takes=1 kind=model reply=(builtin:bart) ;;
                --text) takes=1 kind=file types=' txt md jsonl json csv tsv parquet ' ;;
                --kl-prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --dist-tokenizer) takes=1 kind=model reply=(builtin:bart builtin:chat builtin:lm) ;;
                --export) takes=1 kind=choice reply=(crosslingual dexperts) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'eval rewrite')
            case $2 in
                --suite) takes=1 kind=choice reply=(detox pseudoparadetox paradetox2022 clef2024 clef2025) ;;
                --references) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --output | -o) takes=1 kind=folder ;;
                --toxic-column | --output-column | --reference-columns | --abstain-text | --limit | --seed | --resamples | --fail-if | --fail-below | --batch-tokens | --ray-address | --ray-actors | --ray-cpus | --ray-gpus | --ray-restarts) takes=1 kind=nothing ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --rejects | --rows) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --meta) takes=1 kind=file ;;
                --sta) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --sim) takes=1 kind=scorer reply=(builtin:similarity) ;;
                --fl) takes=1 kind=scorer reply=(builtin:fluency) ;;
                --lexicon) takes=1 kind=file types=' txt md jsonl json csv tsv parquet ' ;;
                --engine) takes=1 kind=choice reply=(transformers ray) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'eval compare')
            case $2 in
                --suite) takes=1 kind=choice reply=(detox pseudoparadetox paradetox2022 clef2024 clef2025) ;;
                --references) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --output | -o | --adapter) takes=1 kind=folder ;;
                --toxic-column | --output-column | --reference-columns | --abstain-text | --limit | --seed | --resamples | --against | --tie-margin | --pareto | --fail-if | --ray-address | --ray-actors | --ray-cpus | --ray-gpus | --ray-restarts | --revision | --batch-tokens | --tensor-parallel | --base-url | --concurrency | --judge-retries) takes=1 kind=nothing ;;
                --rejects | --verdicts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --picture) takes=1 kind=file types=' png svg pdf ' ;;
                --sta) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --sim) takes=1 kind=scorer reply=(builtin:similarity) ;;
                --fl) takes=1 kind=scorer reply=(builtin:fluency) ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --engine) takes=1 kind=choice reply=(transformers vllm server ray) ;;
                --ray-engine) takes=1 kind=choice reply=(transformers vllm server) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --quantize) takes=1 kind=choice reply=(4bit 8bit) ;;
                --attention) takes=1 kind=choice reply=(auto sdpa flash_attention_2 eager) ;;
                --judge) takes=1 kind=model reply=(builtin:chat builtin:lm) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'eval calibrate')
            case $2 in
                --labels) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --hatecheck | --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --output | -o) takes=1 kind=folder ;;
                --languages | --text-column | --label-column | --lang | --toxic-from | --least | --password | --limit | --seed | --resamples | --batch-tokens) takes=1 kind=nothing ;;
                --checkpoint) takes=1 kind=file types=' safetensors pt pth bin ckpt ' ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'probe train')
            case $2 in
                --layers | --max-tokens | --text-column | --label-column | --lang | --languages | --toxic-from | --limit | --password | --test-share | --validation-share | --seed | --resamples | --revision | --batch-tokens | --l2 | --controls | --random-directions | --epochs | --batch-size | --learning-rate) takes=1 kind=nothing ;;
                --pooling) takes=1 kind=choice reply=(mean last max) ;;
                --output | -o | --features) takes=1 kind=folder ;;
                --features-dtype) takes=1 kind=choice reply=(float16 float32) ;;
                --data | --test) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --method) takes=1 kind=choice reply=(logistic mean-difference lda published) ;;
                --class-weight) takes=1 kind=choice reply=(balanced none) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'probe vectors')
            case $2 in
                --probe) takes=1 kind=file types=' safetensors pt pth bin ckpt ' ;;
                --neurons) takes=1 kind=file types=' json pkl pickle safetensors pt pth bin ckpt ' ;;
                --output | -o) takes=1 kind=folder ;;
                --top | --words | --components | --component-vectors | --random | --seed | --resamples | --revision | --batch-tokens | --text-column | --split | --languages | --limit | --password | --max-new-tokens) takes=1 kind=nothing ;;
                --parallel) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'probe intervene')
            case $2 in
                --neurons) takes=1 kind=file types=' json pkl pickle safetensors pt pth bin ckpt ' ;;
                --probe) takes=1 kind=file types=' safetensors pt pth bin ckpt ' ;;
                --op) takes=1 kind=choice reply=(scale zero offset add set mean clamp project-out) ;;
                --dose | --layers | --top | --controls | --seed | --revision | --batch-tokens | --limit | --languages | --password | --num-samples) takes=1 kind=nothing ;;
                --positions) takes=1 kind=choice reply=(all generated last) ;;
                --output | -o | --bake) takes=1 kind=folder ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --protocol) takes=1 kind=choice reply=(rtp crosslingual task-vector dexperts lee2024) ;;
                --scorers | -s) takes=1 kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
                --text) takes=1 kind=file types=' txt md jsonl json csv tsv parquet ' ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'probe retrieval')
            case $2 in
                --layers | --max-tokens | --pivot | --languages | --limit | --neighbours | --password | --seed | --resamples | --revision | --batch-tokens) takes=1 kind=nothing ;;
                --pooling) takes=1 kind=choice reply=(mean last max) ;;
                --output | -o | --features) takes=1 kind=folder ;;
                --features-dtype) takes=1 kind=choice reply=(float16 float32) ;;
                --data | --effect | --rejects) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'probe predict-transfer')
            case $2 in
                --known | --output | -o) takes=1 kind=folder ;;
                --measure) takes=1 kind=choice reply=(p1 p1_centred p1_csls mrr cosine) ;;
                --seed | --resamples) takes=1 kind=nothing ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'probe activations')
            case $2 in
                --lens-words) takes=1 kind=file ;;
                --tuned) takes=1 kind=model reply=(builtin:chat builtin:lm) ;;
                --probe) takes=1 kind=file types=' safetensors pt pth bin ckpt ' ;;
                --neurons) takes=1 kind=file types=' json pkl pickle safetensors pt pth bin ckpt ' ;;
                --output | -o) takes=1 kind=folder ;;
                --top | --random | --seed | --resamples | --revision | --batch-tokens | --text-column | --split | --languages | --limit | --password | --max-new-tokens) takes=1 kind=nothing ;;
                --positivity) takes=1 kind=choice reply=(promoting positive off) ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        'probe diff')
            case $2 in
                --lens-words) takes=1 kind=file ;;
                --probe) takes=1 kind=file types=' safetensors pt pth bin ckpt ' ;;
                --neurons) takes=1 kind=file types=' json pkl pickle safetensors pt pth bin ckpt ' ;;
                --output | -o) takes=1 kind=folder ;;
                --top | --subspace | --subspace-vectors | --components | --random | --seed | --resamples | --revision | --batch-tokens | --text-column | --split | --languages | --limit | --password | --max-new-tokens) takes=1 kind=nothing ;;
                --device) takes=1 kind=choice reply=(auto cpu cuda mps) ;;
                --dtype) takes=1 kind=choice reply=(auto float32 bfloat16 float16) ;;
                --prompts) takes=1 kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(rtp bold builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        doctor)
            case $2 in
                --timeout) takes=1 kind=nothing ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        report)
            case $2 in
                --output | -o) takes=1 kind=file types=' html ' ;;
                --title | --samples) takes=1 kind=nothing ;;
                --profile) takes=1 kind=profile ;;
            esac
            ;;
        status)
            case $2 in
                --every) takes=1 kind=nothing ;;
            esac
            ;;
    esac
}

# What stands at place $2 of $1.
_detox_argument() {
    kind= types= reply=()
    case "$1 $2" in
        'synth pairs 1' | 'train bart '* | 'generate 2') kind=file types=' jsonl json csv tsv txt parquet zip ' reply=(builtin:harmful_instructions builtin:harmless builtin:harmless_instructions builtin:openings builtin:pairs builtin:prose builtin:safe_sounding) ;;
        'synth preferences 1' | 'synth chain 1' | 'abliterate 1' | 'negate 1' | 'train lm 1' | 'train dpo 1' | 'probe train 1' | 'probe vectors 1' | 'probe intervene 1' | 'probe retrieval 1' | 'probe activations 1' | 'probe diff 1' | 'probe diff 2') kind=model reply=(builtin:chat builtin:lm) ;;
        'merge '*) kind=model reply=(builtin:bart builtin:chat builtin:fluency builtin:lm builtin:similarity builtin:spans builtin:toxicity builtin:toxicity-multilingual) ;;
        'train cmd 1' | 'generate 1' | 'eval generation 1') kind=model reply=(builtin:bart builtin:chat builtin:lm) ;;
        'train spans 1') kind=model reply=(builtin:fluency builtin:similarity builtin:spans builtin:toxicity builtin:toxicity-multilingual) ;;
        'eval rewrite '* | 'eval compare '*) kind=file types=' jsonl json csv tsv txt parquet zip ' ;;
        'eval calibrate 1') kind=scorer reply=(builtin:toxicity builtin:toxicity-multilingual builtin:lexicon detoxify:original detoxify:unbiased detoxify:multilingual detoxify:original-small detoxify:unbiased-small) ;;
        'probe predict-transfer 1') kind=folder ;;
        'report '* | 'status '*) kind=file ;;
        'profile show 1' | 'profile check '* | 'profile copy 1') kind=profile ;;
        'profile copy 2') kind=file types=' toml ' ;;
        'completion 1') kind=choice reply=(bash zsh fish) ;;
    esac
}

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
    reply=(bloom-1b7-detox cmd-gpt2-xl cmd-llama2-7b crosslingual-dpo crosslingual-dpo-lora crosslingual-probe default lee2024 offline offline-multilingual paradetox-bart-large pseudoparadetox pseudoparadetox-0shot pseudoparadetox-0shot-t02 pseudoparadetox-annotator pseudoparadetox-t02 synthdetoxm task-vector-gpt2 task-vector-llama2-7b)
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
