"""A model of your own, in a process of its own: docs/models/command.md. Needs numpy, and nothing of Stepwedge."""
import json
import sys

import numpy as np

# A PyTorch model goes here:
#   net = torch.jit.load("model.pt").eval(); torch.set_num_threads(greeting["threads"])
#   def score(images):
#       with torch.inference_mode():
#           return torch.sigmoid(net(torch.from_numpy(images.copy()))).numpy()


def box(images, radius):
    """Mean over a square around each pixel, from sums along rows and columns."""
    size = 2 * radius + 1
    sums = np.pad(images.astype(np.float64), ((0, 0), (0, 0), (1, 0), (1, 0))).cumsum(2).cumsum(3)
    rows = sums[:, :, size:] - sums[:, :, :-size]
    return (rows[..., size:] - rows[..., :-size]) / size**2


def score(images):
    """N × 1 × height × width in [0, 1] to N × 1: how much the roundest spot stands out from its surroundings."""
    spots = box(images, 2)[:, :, 4:-4, 4:-4] - box(images, 6)
    contrast = spots.max(axis=(1, 2, 3)) * 40 - 6
    return 1 / (1 + np.exp(-contrast[:, None]))


def say(header, data=b""):
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + data)
    sys.stdout.buffer.flush()


greeting = json.loads(sys.stdin.buffer.readline())
say({"ready": True, "input": {"shape": [-1, 1, 64, 64]}, "classes": ["nodule"], "runtime": f"numpy {np.__version__}"})
while line := sys.stdin.buffer.readline():  # Nothing more to read: the audit is over.
    question = json.loads(line)
    data = sys.stdin.buffer.read(question["input"]["bytes"])
    images = np.frombuffer(data, "<f4").reshape(question["input"]["shape"])
    scores = score(images).astype("<f4")
    output = {"shape": scores.shape, "datatype": "FP32", "bytes": scores.nbytes}
    say({"id": question["id"], "output": output}, scores.tobytes())
