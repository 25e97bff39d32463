/** A store that needs Node's file system. */

import { readFile, rename, writeFile } from "node:fs/promises";

import type { Place, Places } from "./events.js";

/** Stores a position in a small JSON file, which is replaced in one step. */
export class PlaceFile implements Places {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<Place | undefined> {
    try {
      return JSON.parse(await readFile(this.#path, "utf8"));
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async save(place: Place): Promise<void> {
    await writeFile(`${this.#path}.new`, JSON.stringify(place));
    await rename(`${this.#path}.new`, this.#path);
  }
}
