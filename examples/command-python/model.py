"""A model of your own, in a process of its own: docs/models/command.md. Needs numpy, and nothing of Stepwedge."""
import json
import sys

import numpy as np

# A PyTorch model goes here:
#   net = torch.jit.load("model.pt").eval(); torch.set_num_threads(greeting["threads"])
#   def score(images):
#       with torch.inference_mode():
#           return torch.sigmoid(net(torch.from_numpy(images.copy()))).numpy()

mean, spread = np.load("atlas.npy").astype(np.float64)  # of `spots` at each place, over other phantoms


def blurred(images, sigma):
    square = np.fft.fftfreq(images.shape[-1]) ** 2
    return np.fft.ifft2(np.fft.fft2(images) * np.exp(-2 * (np.pi * sigma) ** 2 * (square[:, None] + square))).real


def spots(images):
    return (blurred(images, 1.4) - blurred(images, 3))[..., 8:-8, 8:-8]


def score(images):
    """N × 1 × 64 × 64 in [0, 1] to N × 1: the spot that is most unusual for its place."""
    unusual = ((spots(images.astype(np.float64)) - mean) / spread).max(axis=(1, 2, 3))
    return 1 / (1 + np.exp(4 - unusual[:, None]))


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
