"""Every section that a profile or the environment can set, and the class that holds it."""

from importlib import import_module

from detox_cli.settings.base import Section

# section -> module:class in detox_cli.settings
SECTIONS: dict[str, str] = {
    "abliterate": "abliterate:AbliterateSettings",
    "demo": "demo:DemoSettings",
    "doctor": "doctor:DoctorSettings",
    "eval.calibrate": "calibrate:EvalCalibrateSettings",
    "eval.compare": "compare:EvalCompareSettings",
    "eval.generation": "eval_generation:EvalGenerationSettings",
    "eval.rewrite": "evaluate:EvalRewriteSettings",
    "generate": "generate:GenerateSettings",
    "merge": "merge:MergeSettings",
    "negate": "negate:NegateSettings",
    "probe.activations": "probe_activations:ProbeActivationsSettings",
    "probe.diff": "probe_diff:ProbeDiffSettings",
    "probe.intervene": "probe_intervene:ProbeInterveneSettings",
    "probe.predict_transfer": "probe_predict_transfer:ProbePredictTransferSettings",
    "probe.retrieval": "probe_retrieval:ProbeRetrievalSettings",
    "probe.train": "probe_train:ProbeTrainSettings",
    "probe.vectors": "probe_vectors:ProbeVectorsSettings",
    "synth.chain": "synth_chain:SynthChainSettings",
    "report": "report:ReportSettings",
    "synth.pairs": "synth:SynthPairsSettings",
    "synth.preferences": "synth_preferences:SynthPreferencesSettings",
    "train.bart": "train:BartSettings",
    "train.cmd": "train_cmd:CmdSettings",
    "train.lm": "train_lm:LmSettings",
    "train.dpo": "train_dpo:DpoSettings",
    "train.spans": "train_spans:SpansSettings",
}


def section_model(section: str) -> type[Section]:
    """Import the settings class of ``section``, such as ``train.bart``.

    Raises:
        KeyError: There is no such section.
    """
    module, _, name = SECTIONS[section].partition(":")
    model: type[Section] = getattr(import_module(f"detox_cli.settings.{module}"), name)
    return model
