import pytest

from tests.tiny_encoders import save_classifier, save_detoxify, save_encoder, save_roberta


@pytest.fixture(scope="session")
def toxic_model(tmp_path_factory):
    return save_classifier(tmp_path_factory.mktemp("two") / "two", ["neutral", "toxic"])


@pytest.fixture(scope="session")
def nameless_model(tmp_path_factory):
    return save_classifier(tmp_path_factory.mktemp("nameless") / "nameless", ["LABEL_0", "LABEL_1"], seed=1)


@pytest.fixture(scope="session")
def one_logit_model(tmp_path_factory):
    return save_classifier(tmp_path_factory.mktemp("one") / "one", ["LABEL_0"], seed=2)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder") / "encoder")


@pytest.fixture(scope="session")
def roberta(tmp_path_factory):
    return save_roberta(tmp_path_factory.mktemp("roberta") / "roberta")


@pytest.fixture(scope="session")
def detoxify_checkpoint(tmp_path_factory):
    return save_detoxify(
        tmp_path_factory.mktemp("detoxify") / "detoxify", ["toxic", "severe_toxic", "insult"]
    )
