import { StepwedgeError } from "../../core/errors.js";
import { suggest } from "../../core/plugins.js";

/** How an attribute's value becomes a cell. `age`: AS as years; `uid`, `identifier`: pseudonyms; `number`: the first value. */
export type Kind = "text" | "number" | "age" | "identifier" | "uid";

/** An attribute of the data dictionary (PS3.6). */
export interface Attribute {
  /** As dicom-parser names it: x, group, element. */
  readonly tag: string;
  readonly kind: Kind;
  /** Of the dictionary; null for tags that are not in it: then the file's own. */
  readonly vr: string | null;
}

const TEXT: Kind = "text";

/** Attributes by keyword: tag, VR, and how they become cells. */
const ATTRIBUTES: Readonly<Record<string, readonly [tag: string, vr: string, kind?: Kind]>> = {
  ImageType: ["00080008", "CS"],
  SOPClassUID: ["00080016", "UI"],
  SOPInstanceUID: ["00080018", "UI", "uid"],
  StudyDate: ["00080020", "DA"],
  SeriesDate: ["00080021", "DA"],
  AcquisitionDate: ["00080022", "DA"],
  ContentDate: ["00080023", "DA"],
  AccessionNumber: ["00080050", "SH", "identifier"],
  Modality: ["00080060", "CS"],
  ConversionType: ["00080064", "CS"],
  PresentationIntentType: ["00080068", "CS"],
  Manufacturer: ["00080070", "LO"],
  InstitutionName: ["00080080", "LO"],
  StationName: ["00081010", "SH"],
  StudyDescription: ["00081030", "LO"],
  SeriesDescription: ["0008103e", "LO"],
  InstitutionalDepartmentName: ["00081040", "LO"],
  ManufacturerModelName: ["00081090", "LO"],
  PatientID: ["00100020", "LO", "identifier"],
  PatientSex: ["00100040", "CS"],
  PatientAge: ["00101010", "AS", "age"],
  PatientSize: ["00101020", "DS", "number"],
  PatientWeight: ["00101030", "DS", "number"],
  EthnicGroup: ["00102160", "SH"],
  PregnancyStatus: ["001021c0", "US", "number"],
  ContrastBolusAgent: ["00180010", "LO"],
  BodyPartExamined: ["00180015", "CS"],
  ScanningSequence: ["00180020", "CS"],
  SequenceVariant: ["00180021", "CS"],
  MRAcquisitionType: ["00180023", "CS"],
  SequenceName: ["00180024", "SH"],
  SliceThickness: ["00180050", "DS", "number"],
  KVP: ["00180060", "DS", "number"],
  RepetitionTime: ["00180080", "DS", "number"],
  EchoTime: ["00180081", "DS", "number"],
  InversionTime: ["00180082", "DS", "number"],
  MagneticFieldStrength: ["00180087", "DS", "number"],
  FlipAngle: ["00181314", "DS", "number"],
  SpacingBetweenSlices: ["00180088", "DS", "number"],
  DeviceSerialNumber: ["00181000", "LO", "identifier"],
  SoftwareVersions: ["00181020", "LO"],
  ProtocolName: ["00181030", "LO"],
  ExposureTime: ["00181150", "IS", "number"],
  XRayTubeCurrent: ["00181151", "IS", "number"],
  Exposure: ["00181152", "IS", "number"],
  ImagerPixelSpacing: ["00181164", "DS", "number"],
  Grid: ["00181166", "CS"],
  DetectorType: ["00187004", "CS"],
  ConvolutionKernel: ["00181210", "SH"],
  PatientPosition: ["00185100", "CS"],
  ViewPosition: ["00185101", "CS"],
  WindowCenter: ["00281050", "DS", "number"],
  WindowWidth: ["00281051", "DS", "number"],
  StudyInstanceUID: ["0020000d", "UI", "uid"],
  SeriesInstanceUID: ["0020000e", "UI", "uid"],
  SeriesNumber: ["00200011", "IS", "number"],
  AcquisitionNumber: ["00200012", "IS", "number"],
  InstanceNumber: ["00200013", "IS", "number"],
  PatientOrientation: ["00200020", "CS"],
  FrameOfReferenceUID: ["00200052", "UI", "uid"],
  Laterality: ["00200060", "CS"],
  ImageLaterality: ["00200062", "CS"],
  SliceLocation: ["00201041", "DS", "number"],
  SamplesPerPixel: ["00280002", "US", "number"],
  PhotometricInterpretation: ["00280004", "CS"],
  NumberOfFrames: ["00280008", "IS", "number"],
  Rows: ["00280010", "US", "number"],
  Columns: ["00280011", "US", "number"],
  PixelSpacing: ["00280030", "DS", "number"],
  BitsAllocated: ["00280100", "US", "number"],
  BitsStored: ["00280101", "US", "number"],
  BurnedInAnnotation: ["00280301", "CS"],
  LossyImageCompression: ["00282110", "CS"],
};

/** Attributes that name or find a person and serve no audit (from the profile in PS3.15 annex E). */
const IDENTIFYING: Readonly<Record<string, string>> = {
  ReferringPhysicianName: "00080090",
  PhysiciansOfRecord: "00081048",
  PerformingPhysicianName: "00081050",
  NameOfPhysiciansReadingStudy: "00081060",
  OperatorsName: "00081070",
  PatientName: "00100010",
  PatientBirthDate: "00100030",
  PatientBirthTime: "00100032",
  OtherPatientIDs: "00101000",
  OtherPatientNames: "00101001",
  PatientBirthName: "00101005",
  PatientAddress: "00101040",
  PatientMotherBirthName: "00101060",
  MedicalRecordLocator: "00101090",
  PatientTelephoneNumbers: "00102154",
  AdditionalPatientHistory: "001021b0",
  ResponsiblePerson: "00102297",
  PatientComments: "00104000",
  RequestingPhysician: "00321032",
};

const TAG = /^\(([0-9a-f]{4}),([0-9a-f]{4})\)$/i;

/** Keywords and tags look like this; anything else is another table's column. */
export function isAttributeName(name: string): boolean {
  return name in ATTRIBUTES || name in IDENTIFYING || TAG.test(name);
}

export const KEYWORDS: readonly string[] = Object.keys(ATTRIBUTES);

/**
 * The attribute of a keyword or of a tag, written (gggg,eeee).
 * @throws StepwedgeError for attributes that identify a person, for those that describe pixels or files, and for unknown ones
 */
export function attributeOf(name: string): Attribute {
  const [, group, element] = TAG.exec(name) ?? [];
  const tag = group === undefined ? undefined : `${group}${element}`.toLowerCase();
  const keyword = tag === undefined ? name : KEYWORDS.find((one) => ATTRIBUTES[one]?.[0] === tag);
  if (name in IDENTIFYING || Object.values(IDENTIFYING).includes(tag ?? "")) {
    throw new StepwedgeError(`${name} identifies a person, and an audit does not read it`, {
      where: "data",
      remedy: "Take PatientID for patients (it becomes a pseudonym) and PatientAge for age.",
    });
  }
  const known = keyword === undefined ? undefined : ATTRIBUTES[keyword];
  if (known !== undefined) return { tag: `x${known[0]}`, vr: known[1], kind: known[2] ?? TEXT };
  if (tag !== undefined) return { tag: `x${tag}`, vr: null, kind: TEXT };
  throw new StepwedgeError(`there is no column ${JSON.stringify(name)}`, {
    where: "data",
    remedy: `${suggest(name, KEYWORDS)}Columns are id, path, sample, frame, DICOM keywords and tags written (gggg,eeee).`,
  });
}
