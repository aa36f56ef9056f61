/** The way to a part of the protocol: keys of mappings and indices of lists. */
export type Path = readonly (string | number)[];

/** Where a part of the protocol was written, for example "audit.yaml, line 12". */
export type Place = (path: Path) => string;

/** `attacks[0].epsilon`: a path as messages print it. */
export function dotted(path: Path): string {
  return path.map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`)).join("");
}

/** `audit.yaml, line 12, attacks[0].epsilon`: the `where` of an error. */
export function whereIs(place: Place, path: Path): string {
  return path.length === 0 ? place(path) : `${place(path)}, ${dotted(path)}`;
}

/** The part of a value that a path leads to; undefined where it leads nowhere. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | null | undefined)?.[key], value);
}
