"""The starter model becomes a folder once, whatever happens on the way."""

from pathlib import Path

from safetensors import safe_open


def test_the_starter_is_a_bf16_folder_with_its_chat_template(starter_model: Path) -> None:
    with safe_open(starter_model / "model.safetensors", "pt") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
        dtypes = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    sizes = [shape[0] * (shape[1] if len(shape) > 1 else 1) for shape in shapes]
    assert sum(sizes) == 134_515_008
    assert dtypes == {"BF16"}
    assert "<|im_start|>" in (starter_model / "chat_template.jinja").read_text("utf-8")


def test_the_tiny_model_tells_roles_apart(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    text = tokenizer.apply_chat_template([{"role": "user", "content": "Hi ö"}], tokenize=False)
    assert text == "<|im_start|>user\nHi ö<|im_end|>\n"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
