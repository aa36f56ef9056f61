import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import { loadProtocol } from "../../src/protocol/load.js";

test("the demonstration's protocol is valid, uses the shipped model, and has the planted weaknesses in its subgroups", async () => {
  const folder = join(PACKAGE_ROOT, "examples", "demo");
  const { protocol } = await loadProtocol(join(folder, "audit.yaml"));
  expect(existsSync(resolve(folder, String(protocol.model.path)))).toBe(true);
  expect(protocol.data).toMatchObject({ adapter: "phantom", planted: true, population: "demo" });
  expect(protocol.subgroups).toMatchObject({ "sex-by-age": { cross: ["sex", "age"] }, scanner: { column: "scanner" } });
  expect(protocol.subgroups.age).toMatchObject({ bins: expect.arrayContaining([40]) });
});
