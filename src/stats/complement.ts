import type { Study, Subgroup } from "../core/audit.js";

/**
 * Everybody outside a group, known and unknown values alike: what it is held against as "the rest". Its values are the
 * group's, since findings about the comparison stand under the group.
 */
export function restOf(study: Study, subgroup: Subgroup): Subgroup {
  const { members } = subgroup;
  const rest = new Uint32Array(study.count - members.length);
  let next = 0;
  let inside = 0;
  for (let row = 0; row < study.count; row++) {
    if (members[inside] === row) inside++;
    else rest[next++] = row;
  }
  return { ...subgroup, members: rest };
}
