// Adds to package-lock.json the optional platform packages that npm left out because the registry in use did not have
// them. Without them `npm ci` refuses the lock file, although no machine that lacks them would install them.
// Run after every change of dependencies: npm run lockfile
import { readFileSync, writeFileSync } from "node:fs";

const OS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const CPU = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const { packages } = lock;
let added = 0;

for (const [path, entry] of Object.entries(packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (resolves(path, name)) continue;
    const words = name.split(/[/-]/);
    const os = OS.find((word) => words.includes(word));
    const cpu = CPU.find((word) => words.includes(word));
    if (os === undefined || cpu === undefined)
      throw new Error(`${path} needs ${name}, which is in no lock entry and is no platform package`);
    const libc = /musl/.test(name) ? "musl" : /gnu/.test(name) ? "glibc" : undefined;
    packages[`node_modules/${name}`] = {
      version: range.replace(/^[^0-9]*/, ""),
      cpu: [cpu],
      ...(entry.dev ? { dev: true } : {}),
      ...(libc !== undefined && os === "linux" ? { libc: [libc] } : {}),
      optional: true,
      os: [os],
    };
    added++;
  }
}

const root = packages[""];
const others = Object.entries(packages)
  .filter(([path]) => path !== "")
  .sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = { "": root, ...Object.fromEntries(others) };
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`package-lock.json: ${added} platform packages added\n`);

/** Whether a package is found from `path` upwards, as Node resolves it. */
function resolves(path, name) {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf("/node_modules/"))) {
    if (packages[`${at}/node_modules/${name}`] !== undefined || packages[`node_modules/${name}`] !== undefined)
      return true;
    if (!at.includes("/node_modules/")) return false;
  }
}
