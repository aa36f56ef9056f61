import type { DecodedImage, PixelOptions } from "../core/data.js";

/** One family of image files: told by its content, never by its name. One file each in src/image/formats. */
export interface ImageFormat {
  /** How messages name it, such as "DICOM". */
  readonly name: string;
  /** Whether the bytes begin as such a file does. Cheap: looks at no more than the head. */
  matches(bytes: Buffer): boolean;
  /** @throws StepwedgeError of exit code `usage` for anything that is not a whole image of this kind */
  decode(bytes: Buffer, options: PixelOptions, where: string): Promise<DecodedImage>;
}
