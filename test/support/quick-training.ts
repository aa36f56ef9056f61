/*
 * Parameters with which a learned defense is trained in a moment: what the contract's tests fit it with. It need not be any
 * good, but it must be whole. A defense that `fit`s quickly by itself needs no entry.
 */
export const QUICK_TRAINING: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "guided-denoiser": { steps: 3, guideSteps: 3 },
  comdefend: { steps: 3 },
};
