import { existsSync, readFileSync } from "node:fs";
import type { z } from "zod";

/** What every attack and every defense says of itself. */
interface PluginMeta {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly references: readonly string[];
  readonly parameters: z.ZodObject;
}

/** The half of the contract that attacks and defenses share: who they are, their parameters, their page in docs/. */
export function describePlugin(
  family: "attacks" | "defenses",
  id: string,
  meta: PluginMeta,
  baseKeys: readonly string[],
): void {
  test("it is called as its file, and says what it is", () => {
    expect(meta.id).toBe(id);
    for (const text of [meta.title, meta.summary, ...meta.references]) expect(text).toMatch(/\w{3}/);
    expect(meta.summary).toMatch(/\.$/);
    expect(meta.references.length).toBeGreaterThan(0);
  });

  test("its parameters have defaults, refuse unknown keys and leave the base's alone", () => {
    expect(meta.parameters.safeParse({}).success).toBe(true);
    expect(meta.parameters.safeParse({ "no-such-key": 1 }).success).toBe(false);
    for (const key of baseKeys) expect(Object.keys(meta.parameters.shape)).not.toContain(key);
    for (const [key, schema] of Object.entries(meta.parameters.shape)) {
      expect([key, (schema as { description?: string }).description]).toEqual([key, expect.stringMatching(/\w{3}/)]);
    }
  });

  test("it has a documentation page that names its parameters", () => {
    const page = new URL(`../../docs/${family}/${id}.md`, import.meta.url);
    expect(existsSync(page)).toBe(true);
    const text = readFileSync(page, "utf8");
    for (const key of Object.keys(meta.parameters.shape)) expect(text).toContain(`\`${key}\``);
  });
}
