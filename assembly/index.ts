export { across, acrossFew, down, floats, weighted } from "./resize";
export { unfilter } from "./png";
export { codes, colours, crop, scan, unstuff } from "./jpeg";

/** The first byte that belongs to nobody. */
export const HEAP: usize = __heap_base;
