import { defineSection } from "../section.js";

/** What the manufacturer says that the model is for; the audit takes it as given. */
export default defineSection({
  id: "intended-use",
  title: "Intended use",
  order: 40,
  view: ({ record }) => ({
    paragraphs: record.protocol.intendedUse?.split(/\n\s*\n/).filter((text) => text.trim() !== "") ?? [],
  }),
});
