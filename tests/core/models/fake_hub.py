"""A hub inside the library's own HTTP client: no socket, but every request as it would be sent."""

import json
from math import prod
from pathlib import Path

import httpx2

from core.models.info import Architecture
from tests.core.memory.memory_shapes import tensors_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves one model folder as org/model, ranges included; remembers what was asked.

    Attributes:
        served: Bytes that were sent, by file.
        refusal: Error code of the hub for every file ("GatedRepo", "RepoNotFound"), or "".
        online: Whether it can be reached.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.served: dict[str, int] = {}
        self.requests = 0
        self.refusal = ""
        self.online = True

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        if not self.online:
            raise httpx2.ConnectError("Name or service not known", request=request)
        if request.url.path.startswith("/api/models/"):
            return self._card()
        _, _, name = request.url.path.partition("/resolve/main/")
        file = self._folder / name
        if self.refusal:
            status = 403 if self.refusal == "GatedRepo" else 404
            return httpx2.Response(status, headers={"X-Error-Code": self.refusal})
        if not file.is_file():
            return httpx2.Response(404, headers={"X-Error-Code": "EntryNotFound"})
        return self._file(request, file)

    def _card(self) -> httpx2.Response:
        if self.refusal == "RepoNotFound":
            return httpx2.Response(404, headers={"X-Error-Code": self.refusal})
        files = [
            {"rfilename": file.name, "size": file.stat().st_size} for file in self._folder.iterdir()
        ]
        card = {"id": "org/model", "sha": COMMIT, "siblings": files, "tags": []}
        return httpx2.Response(200, json={**card, "cardData": {"license": "llama3"}})

    def _file(self, request: httpx2.Request, file: Path) -> httpx2.Response:
        size = file.stat().st_size
        headers = {"ETag": '"abc"', "X-Repo-Commit": COMMIT, "X-Linked-Size": str(size)}
        if request.method == "HEAD":
            return httpx2.Response(200, headers=headers)
        first, last = 0, size - 1
        wanted = request.headers.get("range", "")
        if wanted:
            first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        with file.open("rb") as stream:
            stream.seek(first)
            content = stream.read(last - first + 1)
        self.served[file.name] = self.served.get(file.name, 0) + len(content)
        return httpx2.Response(206 if wanted else 200, headers=headers, content=content)


def write_hollow_model(folder: Path, architecture: Architecture, shards: int = 1) -> None:
    """Write config and true headers; the data are a hole in the file, whatever its size."""
    folder.mkdir()
    config = {
        "model_type": architecture.family,
        "architectures": ["LlamaForCausalLM"],
        "num_hidden_layers": architecture.layers,
        "hidden_size": architecture.hidden_size,
        "num_attention_heads": architecture.heads,
        "num_key_value_heads": architecture.kv_heads,
        "intermediate_size": architecture.intermediate_size,
        "vocab_size": architecture.vocab_size,
        "max_position_embeddings": architecture.context_length,
        "tie_word_embeddings": architecture.tied_embeddings,
    }
    (folder / "config.json").write_text(json.dumps(config))
    tensors = list(tensors_of(architecture))
    names = [f"model-{i + 1:05}-of-{shards:05}.safetensors" for i in range(shards)]
    if shards == 1:
        names = ["model.safetensors"]
    weight_map = {}
    for index, name in enumerate(names):
        offset, header = 0, {}
        for tensor in tensors[index::shards]:
            end = offset + 2 * prod(tensor.shape)
            header[tensor.name] = {
                "dtype": "BF16",
                "shape": list(tensor.shape),
                "data_offsets": [offset, end],
            }
            weight_map[tensor.name], offset = name, end
        text = json.dumps(header).encode()
        with (folder / name).open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(8 + len(text) + offset)
    if shards > 1:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
