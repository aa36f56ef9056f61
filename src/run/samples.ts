/**
 * From the text columns of a data source to what a study is made of: labels, scores, the split, patients, subgroups.
 * Pure functions, no files; every error names the row.
 */
export { checkIds, type LabelMapping, parseLabels, parseScores, parseWeights } from "./samples/cells.js";
export { encodePatients, type PatientNames, patientNames, recodePatients } from "./samples/patients.js";
export { assignSplit, type Split, type SplitDefinition, type SplitInput } from "./samples/split.js";
export { buildSubgroups, type SubgroupDefinition } from "./samples/subgroups.js";
