/**
 * What only the people behind a device can say: the keys of the protocol's `submission` block, in the order in which
 * reports show them. Regulators ask for them, and no audit can find them out; a report says so where one is missing.
 */
export const STATEMENTS = {
  targetPopulation: { title: "Patients it is for", why: "Age range, condition, and who is excluded from use." },
  users: { title: "Users", why: "Who reads the output, and with what training." },
  environment: { title: "Place in care", why: "Where in the workflow, on which equipment." },
  sites: { title: "Sites and dates of the test data", why: "One entry per site, with the dates of collection." },
  inclusion: { title: "Inclusion and exclusion", why: "How patients and images of the test set were chosen." },
  missingDemographics: {
    title: "Missing demographics",
    why: "Why race, ethnicity or another attribute is not in the data, and what follows from that.",
  },
  trainingData: {
    title: "Training data, and their independence",
    why: "Where the model learnt, and how it is known that no test patient was among them.",
  },
  referenceStandard: { title: "Reference standard", why: "How the truth was set, by whom, and how uncertain it is." },
  readerVariability: { title: "Variability of readers", why: "Agreement of those who set the reference standard." },
  analysisPlan: {
    title: "Statistical analysis plan",
    why: "Endpoints, hypotheses, success criteria and subgroups: where the plan lies and when it was fixed.",
  },
  sampleSize: { title: "Sample size", why: "How the number of patients was decided, also for subgroups." },
  cutOffs: { title: "Rationale of the operating points", why: "Why this threshold, in clinical terms." },
  metrics: { title: "Choice of measures", why: "Why these measures suit this device and its risks." },
  consequences: {
    title: "Consequences of errors",
    why: "What happens to a patient after each kind of wrong answer; the parts of the system that are concerned.",
  },
  biasMitigation: { title: "Examination and mitigation of bias", why: "What was looked for and what was done." },
  vulnerableGroups: { title: "Minors and vulnerable groups", why: "Whether they are affected, and how." },
  repeatability: { title: "Repeatability and reproducibility", why: "Of repeated images: design and result." },
  formalVerification: { title: "Formal methods", why: "Proofs about the network that were made elsewhere, if any." },
  failureModes: { title: "Known failure modes", why: "When it is known or expected to be wrong." },
  limitations: { title: "Foreseeable limitations", why: "What it must not be used for, and where it was not tested." },
  humanOversight: { title: "Human oversight", why: "Who can notice, overrule and stop it, and how." },
  userInformation: { title: "Information for users", why: "Where labelling and instructions say all of this." },
  logging: { title: "Logs", why: "What the device records of its use." },
  monitoring: { title: "Monitoring after release", why: "What is watched in use, by whom, and what triggers action." },
  changes: { title: "Planned changes", why: "Which changes are foreseen, with the criteria that they must meet." },
  changeImpact: { title: "Impact of planned changes", why: "Benefits and risks of each, alone and together." },
  deviations: { title: "Justification of deviations", why: "Why each departure from the plan is acceptable." },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly why: string }>>;

export type StatementKey = keyof typeof STATEMENTS;
export const STATEMENT_KEYS = Object.keys(STATEMENTS) as readonly StatementKey[];

/** The protocol's `submission` block, as validated: `device`, and statements by key, each a text or a list of texts. */
export type Submission = Readonly<Record<string, unknown>>;

/** The paragraphs of a statement; none where it was not made. */
export function statementOf(submission: Submission | undefined, key: StatementKey): readonly string[] {
  const value = submission?.[key];
  const texts = typeof value === "string" ? value.split(/\n\s*\n/) : Array.isArray(value) ? value.map(String) : [];
  return texts.filter((text) => text.trim() !== "");
}

export const DEVICE_KEYS = ["name", "version", "manufacturer", "identifier"] as const;

/** What is stated of the device; empty texts are not statements. */
export function deviceOf(
  submission: Submission | undefined,
): Readonly<Partial<Record<(typeof DEVICE_KEYS)[number], string>>> {
  const given = (submission?.device ?? {}) as Readonly<Record<string, unknown>>;
  const entries = DEVICE_KEYS.flatMap((key) => {
    const value = given[key];
    return typeof value === "string" && value.trim() !== "" ? [[key, value] as const] : [];
  });
  return Object.fromEntries(entries);
}
