/** Stepwedge as a library: everything that a program or a plug-in needs. */
export { defineModelAdapter, type ModelAdapter } from "./core/adapter.js";
export {
  type Attack,
  type AttackContext,
  type Calibration,
  defineAttack,
  type FitContext,
  type ImageOracle,
} from "./core/attack.js";
export { type Audit, defineAudit, type OperatingPoint, type Study, type Subgroup } from "./core/audit.js";
export { type Condition, conditionKey } from "./core/condition.js";
export { type DataSource, type DecodedImage, defineDataSource } from "./core/data.js";
export { type Defense, defineDefense } from "./core/defense.js";
export { ExitCode, StepwedgeError } from "./core/errors.js";
export type { Finding, GateResult, Interval, Verdict } from "./core/finding.js";
export type { Fitted } from "./core/fitted.js";
export type { Model, Outputs } from "./core/model.js";
export type { ImageGeometry, PixelBatch } from "./core/pixels.js";
export { type Random, randomFrom } from "./core/random.js";
export type { AuditRecord, Findings, Provenance } from "./core/record.js";
export { defineReport, type Report } from "./core/report.js";
export { VERSION } from "./core/version.js";
export { type LoadedProtocol, loadProtocol, protocolHash, validateProtocol } from "./protocol/load.js";
export type { Protocol } from "./protocol/schema.js";
export { type EvaluateOptions, evaluateRecord } from "./run/evaluate.js";
export { type LockOptions, lockProtocol } from "./run/locking.js";
export type { RunObserver } from "./run/observer.js";
export { type RunOptions, runAudit } from "./run/run.js";
export { signRecord } from "./run/signing.js";
export { type Verification, type VerifyOptions, verifyRecord } from "./run/verify/verify.js";
export type { Estimate, Result } from "./stats/estimate.js";
export {
  type SubgroupTableOptions,
  subgroupTable,
  type TableCell,
  type TableMetric,
  type TableRow,
} from "./stats/subgroup-table.js";
