"""Fixtures that every part uses: an empty home per test, the starter model, a tiny model."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # see core.libraries
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # the cores are taken by the other workers

import warnings
from pathlib import Path

import pytest

from core.control import Control

TEST_CACHE = Path(os.environ.get("RANKSCOPE_TEST_CACHE", "~/.cache/rankscope-tests")).expanduser()
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SENTENCES = [
    "A cat is a small animal with soft fur that people keep as a pet.",
    "To define a word means to say in a few other words what it stands for.",
    "The quick brown fox jumps over the lazy dog while 0123456789 birds watch.",
    "Question: what is a river? Answer: a large natural stream of water.",
]


@pytest.fixture(scope="session")
def starter_model() -> Path:
    """The starter model as a bf16 folder: converted once (20 to 40 s), kept between test runs.

    In a test that asks for it, `open_model("starter")` and `prepare("starter", …)` find it too.
    """
    from core.models.prepare import prepare

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("RANKSCOPE_HOME", str(TEST_CACHE))
        steps = prepare("starter", Control())
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return Path(end.value)


@pytest.fixture(autouse=True)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """RANKSCOPE_HOME in an empty folder, also for child processes."""
    folder = tmp_path / "home"
    monkeypatch.setenv("RANKSCOPE_HOME", str(folder))
    if "starter_model" in request.fixturenames:
        converted: Path = request.getfixturevalue("starter_model")
        (folder / "models").mkdir(parents=True)
        (folder / "models" / converted.name).symlink_to(converted, target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama in the Hugging Face layout: 2 layers, width 32, tokenizer, chat template."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        build_tiny_model(folder)
    return folder


def build_tiny_model(folder: Path, seed: int = 0) -> None:
    """Write the tiny model into `folder`; the same seed gives the same weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = build_tiny_tokenizer()
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        bos_token_id=tokenizer.convert_tokens_to_ids("<|im_start|>"),
        eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
        pad_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def build_tiny_tokenizer():  # type: ignore[no-untyped-def]
    """Return a byte-level BPE of some 300 tokens with <|im_start|> and <|im_end|>."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(SENTENCES, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer
