import { dataName } from "../../common/names.js";
import { SERIES_STYLES } from "../charts/style.js";
import { perturbationPictures } from "../pictures/perturbations.js";
import type { RobustnessBlock } from "../robustness/block.js";
import { costTable } from "../robustness/cost.js";
import { overallFigure, subgroupFigure } from "../robustness/figures.js";
import { dropTable, effectTable, harmTable } from "../robustness/tables.js";
import { defineSection } from "../section.js";
import { type StrengthGroup, strengthGroups } from "../strengths.js";

/** What changed images do to the model, without a defense: overall, beside controls, and by subgroup. */
export default defineSection({
  id: "robustness",
  title: "Robustness",
  order: 90,
  narrows: 2,
  view: async (context) => {
    const { study, record } = context;
    const groups = readable(strengthGroups(study.seriesBehind("none")).filter((group) => group.id !== "severity"));
    if (groups.length === 0) return null;
    const classes = study.isClassifier ? study.classes : [];
    const blocks = classes.flatMap((className, index) =>
      groups.map((group) => ({
        study,
        class: className,
        group,
        operatingPoint: study.operatingPoints(className)[0]?.id ?? null,
        id: `${index + 1}-${group.id}`,
      })),
    );
    const isOne = blocks.length === 1;
    return {
      isClassifier: study.isClassifier,
      hasControls: study.series.some((series) => !series.searched),
      blocks: blocks.map((block) => blockView(block, isOne)),
      cost: costTable(context),
      pictures: await perturbationPictures(record),
    };
  },
});

/** Parts a group with more attacks than a chart can tell apart; the controls stand in every part. */
function readable(groups: readonly StrengthGroup[]): StrengthGroup[] {
  return groups.flatMap((group) => {
    const searched = group.series.filter((series) => series.searched);
    const controls = group.series.filter((series) => !series.searched);
    const parts = Math.max(1, Math.ceil(searched.length / SERIES_STYLES));
    if (parts === 1) return [group];
    return Array.from({ length: parts }, (_, part) => ({
      ...group,
      id: `${group.id}-${part + 1}`,
      title: `${group.title}, attacks ${part + 1} of ${parts}`,
      series: [...searched.slice(part * SERIES_STYLES, (part + 1) * SERIES_STYLES), ...controls],
    }));
  });
}

function blockView(block: RobustnessBlock, isOne: boolean) {
  const searched = block.group.series.filter((series) => series.searched);
  return {
    heading: isOne ? null : `${dataName(block.class)}, ${block.group.title}`,
    overall: overallFigure(block),
    effects: effectTable(block),
    byGroup: subgroupFigure(block),
    harm: harmTable(block),
    drops: searched.map((series, place) => dropTable(block, series, place)),
  };
}
