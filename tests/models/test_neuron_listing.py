"""Lists of neurons come back as they were written; of pickles only numbers are read."""

import os
import pickle
from pathlib import Path

import pytest

from detox_cli.errors import BadData
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.neurons.listing import NeuronList, read_neurons, write_neurons
from detox_cli.models.neurons.parts import neurons_of
from tests.models.architectures import tiny_model


def test_a_list_is_read_back_from_its_file_or_folder(tmp_path: Path) -> None:
    listed = NeuronList(((1, 7), (0, 3)), (0.5, -0.25), "f1", (48, 48))
    write_neurons(tmp_path / "neurons.json", listed)
    assert read_neurons(tmp_path / "neurons.json") == read_neurons(tmp_path) == listed


def test_published_lists_are_read_and_nothing_in_them_is_run(tmp_path: Path) -> None:
    path = tmp_path / "actual_sources_of_toxicity.pkl"
    for protocol in (0, 2, 4, 5):
        path.write_bytes(pickle.dumps([(10, 77), (3, 3173)], protocol))
        assert read_neurons(path).neurons == ((10, 77), (3, 3173))

    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    for content, said in {
        pickle.dumps([Harm()]): "nothing but numbers is read",
        pickle.dumps({"a": 1}): "it holds a dict",
        pickle.dumps([(1, 2, 3)]): "no layer and neuron",
        pickle.dumps([(1, -2)]): "no layer and neuron",
        pickle.dumps([(1, 2), (1, 2)]): "names neuron .* twice",
        pickle.dumps([]): "names no neuron",
        b"{}": "its format is None",
        b"": "is no list of neurons",
        b"\x80\x04": "is no list of neurons",
    }.items():
        path.write_bytes(content)
        with pytest.raises(BadData, match=said):
            read_neurons(path)
    assert not (tmp_path / "harm").exists()
    with pytest.raises(BadData, match="no such list"):
        read_neurons(tmp_path / "nothing.pkl")


def test_a_list_of_another_model_is_refused() -> None:
    neurons = neurons_of(anatomy_of(tiny_model("llama")))
    with pytest.raises(BadData, match="2 layers of 96 neurons, this one has 2 of 48"):
        NeuronList(((0, 3),), sizes=(96, 96)).check_fits(neurons, "list")
    with pytest.raises(BadData, match="none is number 80"):
        NeuronList(((0, 80),)).check_fits(neurons, "list")
    NeuronList(((0, 3),), sizes=(48, 48)).check_fits(neurons, "list")
