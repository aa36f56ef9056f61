/** What a run tells whoever watches it. All calls are cheap and may be ignored. */
export interface RunObserver {
  /** A stage begins; `images` is how many forward passes it takes at most, where it is known. */
  stage(name: string, images: number | null): void;
  /** So many more images were scored (or found already scored), now in the named condition. */
  advance(images: number, condition: string): void;
  /** How far a search is: a fraction in [0, 1] and a few words. */
  search(condition: string, fraction: number, words: string): void;
}

export const SILENT: RunObserver = { stage() {}, advance() {}, search() {} };
