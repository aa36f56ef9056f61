/** The image library sharp, which decodes and encodes through libvips. */
export type Sharp = typeof import("sharp").default;

let loading: Promise<Sharp | null> | undefined;

/**
 * sharp, or null where its native library is missing (installed with --omit=optional, or on a platform without a
 * prebuilt one). The importing of it throws then, so that it cannot be imported at the head of a file.
 */
export function loadSharp(): Promise<Sharp | null> {
  loading ??= import("sharp").then(
    (module) => module.default,
    () => null,
  );
  return loading;
}
