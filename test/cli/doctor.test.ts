import { join } from "node:path";
import {
  type Check,
  checkChromium,
  checkDisk,
  checkMachine,
  checkNode,
  checkWritable,
} from "../../src/cli/doctor/checks.js";
import { diagnosis } from "../../src/cli/doctor.js";
import { stepwedge } from "../support/cli.js";

test.each([
  ["20.9.0", "20.9", "ok"],
  ["20.8.1", "20.9", "fail"],
  ["20.10.0", "20.9", "ok"],
  ["18.20.0", "20.9", "fail"],
  ["22.0.0", "20.9", "ok"],
])("Node %s where %s is needed: %s", (version, required, status) => {
  expect(checkNode(version, required).status).toBe(status);
});

test("little memory and little disk are warnings, no failures", () => {
  expect(checkMachine(2, 2 ** 30)).toMatchObject({ status: "warn" });
  expect(checkMachine(2, 2 ** 34)).toMatchObject({ status: "ok", remedy: null });
  expect(checkDisk(2 ** 29)).toMatchObject({ status: "warn" });
});

test("a folder that cannot be written fails", () => {
  expect(checkWritable(join("/", "nowhere", "at", "all"))).toMatchObject({ status: "fail" });
});

test("no browser is no fault", () => {
  expect(checkChromium({ PATH: "/nowhere" })).toMatchObject({ status: "ok", remedy: null });
});

test("one failure makes the installation unhealthy: exit code 4", () => {
  const check = (status: Check["status"]): Check => ({
    id: status,
    title: "T",
    status,
    detail: "d",
    remedy: status === "ok" ? null : "Mend it.",
  });
  expect(diagnosis([check("ok"), check("warn")])).toMatchObject({ exitCode: 0, json: { healthy: true } });
  const broken = diagnosis([check("ok"), check("fail")]);
  expect(broken).toMatchObject({ exitCode: 4, json: { healthy: false } });
  expect(broken.text).toMatch(/FAIL[\s\S]*Mend it\./);
});

test("this machine runs the tests, so it is healthy", async () => {
  const { code, stdout, stderr } = await stepwedge("doctor", "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const { checks, healthy } = JSON.parse(stdout) as { checks: Check[]; healthy: boolean };
  expect(healthy).toBe(true);
  expect(checks.map((check) => check.id)).toEqual(
    expect.arrayContaining(["node", "onnxruntime", "sharp", "plugins", "disk"]),
  );
});
