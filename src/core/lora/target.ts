/**
 * A layer of the checkpoint that a LoRA can act on. The compiler lists them, the model descriptor publishes them, and the LoRA
 * parser matches file keys against them; so a gateway without ONNX Runtime can answer receipts.
 */

export type LoraComponent = 'unet' | 'text_encoder';

export interface LoraTarget {
  readonly component: LoraComponent;
  /** The module's path in the checkpoint, e.g. `down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q`. */
  readonly module: string;
  /** Width of the layer's input: A is [inputWidth, rank] in the graph, `lora_down` [rank, inputWidth] in a file. */
  readonly inputWidth: number;
  readonly outputWidth: number;
}
