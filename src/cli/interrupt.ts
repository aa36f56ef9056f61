/**
 * Ctrl-C, told to the run as an abort signal: it stops between two batches and keeps what it has. A second Ctrl-C ends
 * the process at once; even then the journals on disk are whole.
 */
export function interruptSignal(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    process.stderr.write("\nstopping after the current batch; press Ctrl-C again to end at once\n");
    controller.abort();
    release();
  };
  const release = (): void => {
    process.removeListener("SIGINT", stop);
    process.removeListener("SIGTERM", stop);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  return { signal: controller.signal, release };
}
