"""Judge B as it is committed: `model.onnx` and `labels.json`, read here by ONNX Runtime as Overtone reads it."""

import json
from pathlib import Path

import numpy
import onnxruntime
import torch
from torch import Tensor

from reader import Reader, Reading
from world.canvas import SIDE_PX
from world.concepts import CONCEPTS
from world.scenes import SLOTS

BATCH = 64
OPSET = 17


def save_judge(network: Reader, thresholds: Tensor, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    outputs = ["concepts", *(f"slot_{slot}" for slot in SLOTS)]
    torch.onnx.export(
        _Flat(network), (torch.zeros(2, 3, SIDE_PX, SIDE_PX),), str(folder / "model.onnx"), dynamo=False, opset_version=OPSET,
        input_names=["pictures"], output_names=outputs, dynamic_axes={name: {0: "n"} for name in ["pictures", *outputs]},
    )
    labels = {
        "input": {"name": "pictures", "layout": ["n", 3, SIDE_PX, SIDE_PX], "channels": "rgb", "range": [0, 1]},
        "concepts": [
            {"name": concept.name, "title": concept.title, "category": concept.category, "threshold": round(threshold, 3)}
            for concept, threshold in zip(CONCEPTS.values(), thresholds.tolist(), strict=True)
        ],
        "slots": {slot: {"output": f"slot_{slot}", "values": list(values)} for slot, values in SLOTS.items()},
    }
    (folder / "labels.json").write_text(json.dumps(labels, indent=2) + "\n")


class _Flat(torch.nn.Module):
    """The same outputs as a plain list, which is what ONNX knows."""

    def __init__(self, network: Reader):
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> list[Tensor]:
        concepts, slots = self.network(pictures)
        return [concepts, *slots.values()]


class JudgeB:
    """Reads pictures [n, 3, 128, 128], in 0..1 or bytes."""

    def __init__(self, folder: Path, threads: int = 1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        labels = json.loads((folder / "labels.json").read_text())
        assert [each["name"] for each in labels["concepts"]] == list(CONCEPTS), "the judge was trained for other concepts"
        self.thresholds = torch.tensor([each["threshold"] for each in labels["concepts"]])

    def read(self, pictures: Tensor) -> Reading:
        parts = []
        for part in pictures.split(BATCH):
            part = part.float() / 255 if part.dtype == torch.uint8 else part
            parts.append(self.session.run(["concepts", *(f"slot_{slot}" for slot in SLOTS)], {"pictures": part.numpy()}))
        concepts, *slots = (torch.from_numpy(numpy.concatenate(columns)) for columns in zip(*parts, strict=True))
        return Reading(concepts, dict(zip(SLOTS, slots, strict=True)), self.thresholds)
