import cliProgress from "cli-progress";
import type { RunObserver } from "../run/observer.js";

/** Draws a progress line on standard error when that is a terminal; otherwise says nothing. */
export function terminalObserver(): RunObserver & { stop(): void } {
  const quiet = !process.stderr.isTTY;
  let bar: cliProgress.SingleBar | null = null;
  let started = 0;
  let scored = 0;
  let condition = "";
  let words = "";

  const payload = () => {
    const seconds = (performance.now() - started) / 1000;
    const rate = seconds > 0.5 ? Math.round(scored / seconds).toLocaleString("en-US") : "…";
    return { condition, words, rate };
  };
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  return {
    stage(name, images) {
      stop();
      if (quiet) return;
      if (images === null) {
        process.stderr.write(`${name} …\n`);
        return;
      }
      started = performance.now();
      scored = 0;
      bar = new cliProgress.SingleBar(
        {
          stream: process.stderr,
          format: "{bar} {percentage}% · {rate} images/s · {eta_formatted} left · {condition} {words}",
          barsize: 24,
          etaBuffer: 100,
          fps: 8,
          hideCursor: true,
          linewrap: false,
        },
        cliProgress.Presets.shades_classic,
      );
      bar.start(images, 0, payload());
    },
    advance(images, at) {
      if (at !== "kept from before") scored += images;
      if (at !== condition) words = "";
      condition = at;
      bar?.increment(images, payload());
    },
    search(at, _fraction, text) {
      condition = at;
      words = text;
    },
    stop,
  };
}
