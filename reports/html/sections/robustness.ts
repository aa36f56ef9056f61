import { dataName } from "../../common/names.js";
import { perturbationPictures } from "../pictures/perturbations.js";
import type { RobustnessBlock } from "../robustness/block.js";
import { costTable } from "../robustness/cost.js";
import { overallFigure, subgroupFigure } from "../robustness/figures.js";
import { dropTable, effectTable, harmTable } from "../robustness/tables.js";
import { defineSection } from "../section.js";
import { strengthGroups } from "../strengths.js";

/** What changed images do to the model, without a defense: overall, beside controls, and by subgroup. */
export default defineSection({
  id: "robustness",
  title: "Robustness",
  order: 90,
  view: async (context) => {
    const { study, record } = context;
    const groups = strengthGroups(study.seriesBehind("none"));
    if (groups.length === 0) return null;
    const blocks = study.classes.flatMap((className, index) =>
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
      hasControls: study.series.some((series) => !series.searched),
      blocks: blocks.map((block) => blockView(block, isOne)),
      cost: costTable(context),
      pictures: await perturbationPictures(record),
    };
  },
});

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
