import { assert } from '../assert.ts';
import { predictionWeights } from '../schedule/prediction.ts';
import type { SchedulerConfig } from '../schedule/scheduler-config.ts';
import { sigmaAt, trainedSigmas } from '../schedule/sigmas.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import { type RgbImage, rgbFromPlanes } from './planes-to-rgb.ts';

/**
 * A picture in the making, one pixel for each latent cell and with no run of the decoder: what the model now takes the clean latent
 * to be, through a linear map from a cell to its colour. The map is fitted to the checkpoint's own decoder, because the factors that
 * others publish are those of one autoencoder.
 */

/** For each of red, green and blue: a weight for each latent channel and, last, a constant. */
export type LatentColours = readonly (readonly number[])[];

/** What the model's output says of the finished latent. `input` is the latent as the model saw it. */
export function cleanLatent(
  config: SchedulerConfig,
  seen: { readonly timestep: number; readonly input: Tensor; readonly output: Tensor },
): Tensor {
  const alphaBar = 1 / (sigmaAt(seen.timestep, trainedSigmas(config)) ** 2 + 1);
  const { x0 } = predictionWeights(config.predictionType, alphaBar);
  return weightedSum([x0.latent, seen.input], [x0.output, seen.output]);
}

/** One pixel a cell. */
export function previewOf(latent: Tensor, colours: LatentColours): RgbImage {
  const [, channels = 0, height = 0, width = 0] = latent.dims;
  const cells = height * width;
  const planes = new Float32Array(3 * cells);
  for (const [plane, weights] of colours.entries()) {
    assert(
      weights.length === channels + 1,
      `colours are of ${weights.length - 1} channels, the latent has ${channels}`,
    );
    for (let cell = 0; cell < cells; cell++) {
      let sum = weights[channels] ?? 0;
      for (let channel = 0; channel < channels; channel++) {
        sum += (weights[channel] ?? 0) * (latent.data[channel * cells + cell] ?? 0);
      }
      planes[plane * cells + cell] = sum;
    }
  }
  return rgbFromPlanes({ data: planes, dims: [1, 3, height, width] });
}

/**
 * The least-squares map from the cells of a latent [1, C, h, w] to the mean colours of their pixels in what the decoder made of it,
 * [1, 3, f h, f w].
 */
export function fitLatentColours(latent: Tensor, planes: Tensor): LatentColours {
  const [, channels = 0, height = 0, width = 0] = latent.dims;
  const size = channels + 1;
  const cells = height * width;
  /** Normal equations: unknowns, and the three right-hand sides behind them. */
  const rows = Array.from({ length: size }, () => new Float64Array(size + 3));
  const means = cellMeans(planes, { height, width });
  for (let cell = 0; cell < cells; cell++) {
    const values = [...Array.from({ length: channels }, (_, c) => latent.data[c * cells + cell] ?? 0), 1];
    const known = [...values, ...[0, 1, 2].map((plane) => means[plane * cells + cell] ?? 0)];
    for (const [index, row] of rows.entries()) {
      for (const [column, value] of known.entries()) row[column] = (row[column] ?? 0) + (values[index] ?? 0) * value;
    }
  }
  solve(rows, size);
  return [0, 1, 2].map((plane) => rows.map((row) => row[size + plane] ?? 0));
}

/** Means of the pixels of each cell, plane by plane. */
function cellMeans(planes: Tensor, cells: { readonly height: number; readonly width: number }): Float64Array {
  const [, , planeHeight = 0, planeWidth = 0] = planes.dims;
  const factor = planeWidth / cells.width;
  assert(factor === planeHeight / cells.height && Number.isInteger(factor), 'a cell is a square of whole pixels');
  const means = new Float64Array(3 * cells.height * cells.width);
  for (let index = 0; index < planes.data.length; index++) {
    const x = index % planeWidth;
    const y = Math.floor(index / planeWidth) % planeHeight;
    const plane = Math.floor(index / (planeWidth * planeHeight));
    const cell = (plane * cells.height + Math.floor(y / factor)) * cells.width + Math.floor(x / factor);
    means[cell] = (means[cell] ?? 0) + (planes.data[index] ?? 0) / factor ** 2;
  }
  return means;
}

/** Gauss-Jordan, in place: afterwards the columns from `size` on are the solutions. The matrix is symmetric and positive. */
function solve(rows: Float64Array[], size: number): void {
  for (let pivot = 0; pivot < size; pivot++) {
    const row = rows[pivot];
    const scale = row?.[pivot] ?? 0;
    assert(row !== undefined && scale > 0, 'the latent varies in every channel');
    for (let column = pivot; column < row.length; column++) row[column] = (row[column] ?? 0) / scale;
    for (const other of rows) {
      const factor = other[pivot] ?? 0;
      if (other === row || factor === 0) continue;
      for (let column = pivot; column < row.length; column++) {
        other[column] = (other[column] ?? 0) - factor * (row[column] ?? 0);
      }
    }
  }
}
