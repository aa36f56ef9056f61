import type { StudyView } from "../../common/study.js";
import type { StrengthGroup } from "../strengths.js";

/** What the robustness section shows once per class and scale of strength. */
export interface RobustnessBlock {
  readonly study: StudyView;
  readonly class: string;
  readonly group: StrengthGroup;
  /** The operating point whose decisions are shown: the class's first; null where it has none. */
  readonly operatingPoint: string | null;
  /** Part of the anchors, unique on the page. */
  readonly id: string;
}
