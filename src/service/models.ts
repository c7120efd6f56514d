import type { ModelDescriptor } from '../contract/model-descriptor.ts';

/** Which checkpoints are being served, as their workers say. */
export interface Models {
  /** One descriptor for each model that a ready worker serves, by id. */
  list(): Promise<readonly ModelDescriptor[]>;
  /**
   * The model of a request; without an id, the only one served. Throws `model_not_found` for a name that no worker ever had,
   * `no_worker` where its workers are away or still loading, and `invalid_request` where several are served and none is named.
   */
  find(id: string | undefined): Promise<ModelDescriptor>;
}
