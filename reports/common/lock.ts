import type { AuditRecord } from "../../src/core/record.js";
import { counted, instant } from "./format.js";

/** Whether the criteria were fixed before scoring, in sentences; the words of users are in them. */
export function lockText({ findings: { lock }, provenance }: AuditRecord): string {
  if (lock === undefined) return "This record does not say whether the protocol was locked before scoring.";
  if (lock.status === "unlocked") return "The protocol was not locked before scoring.";
  const { lockedAt, by } = provenance.lock ?? { lockedAt: null, by: null };
  const who = [...(by === null ? [] : [`by ${by}`]), ...(lockedAt === null ? [] : [`on ${instant(lockedAt)}`])];
  const claim = who.length === 0 ? "" : ` The lock says that it was made ${who.join(" ")}.`;
  const scope = lock.inputs ? "with the hashes of the model and the data" : "without the model and the data";
  const verdict =
    lock.status === "locked"
      ? "The protocol was locked before scoring, and is as it was locked"
      : `The protocol was locked before scoring, but was changed afterwards in ${counted(lock.changes.length, "place")} (see the deviations)`;
  const again = lock.relocks.length === 0 ? "" : ` It was locked anew ${counted(lock.relocks.length, "time")}.`;
  return `${verdict}; ${scope}. Lock ${lock.sha256}.${claim}${again}`;
}

/** Why the protocol was locked anew, oldest first. */
export function relockReasons({ findings: { lock } }: AuditRecord): string[] {
  return (lock?.relocks ?? []).map(
    ({ reason, protocolSha256 }) => `${reason} (protocol ${protocolSha256.slice(0, 12)})`,
  );
}
