#!/bin/sh
# From seeds to checkpoint, LoRAs and judges. Stop it at any moment and run the same line again: every
# step resumes from its state in the work folder, or is skipped where its result is there.
#
#   ./train_everything.sh WORK_FOLDER [cpu|cuda] [U-NET MINUTES]
set -eu
work=${1:?usage: train_everything.sh WORK_FOLDER [cpu|cuda] [U-NET MINUTES]}
device=${2:-cpu}
minutes=${3:-60}
cd "$(dirname "$0")"
demo=..

python check_base_world.py
[ -f "$work/tokenizer/vocab.json" ] || python tokenizer.py --work "$work"
[ -f "$work/vae/config.json" ] || {
  python pool.py --work "$work" --shards 24 --device "$device"
  python train_vae.py --work "$work" --minutes 28 --device "$device"
  python finish_vae.py --work "$work" --device "$device"
}
python measure_frequency.py --work "$work" --device "$device"
[ -f "$work/classifier.pt" ] || python train_reader.py --work "$work" --which classifier --device "$device"
[ -f "$demo/judges/b/model.onnx" ] || python train_reader.py --work "$work" --which judge_b --to "$demo/judges/b" --device "$device"
[ -f "$demo/judges/a/config.json" ] || python train_judge_a.py --work "$work" --to "$demo/judges/a" --device "$device"
python latents.py --work "$work" --shards 48 --device "$device"
python train_decoder.py --work "$work" --minutes 13 --device "$device"
python train_model.py --work "$work" --minutes "$minutes" --device "$device"
python export_checkpoint.py --work "$work" --to "$demo/checkpoint"
open=$(python -c 'from world.concepts import OPEN_CONCEPTS as c; print(*(each.name for each in c))')
sealed=$(python -c 'from world.concepts import SEALED_CONCEPTS as c; print(*(each.name for each in c))')
# shellcheck disable=SC2086  # the names are separate words on purpose
python train_lora.py --work "$work" --checkpoint "$demo/checkpoint" --to "$demo/loras" --device "$device" --concept $open
# shellcheck disable=SC2086
python train_lora.py --work "$work" --checkpoint "$demo/checkpoint" --to "$demo/sealed" --device "$device" --concept $sealed
python choose_strength.py --work "$work" --checkpoint "$demo/checkpoint" --loras "$demo/loras" --device "$device"
python choose_strength.py --work "$work" --checkpoint "$demo/checkpoint" --loras "$demo/sealed" --device "$device"
python measure_judges.py --work "$work" --checkpoint "$demo/checkpoint" --judge "$demo/judges/b"
python measure_base.py --checkpoint "$demo/checkpoint" --judge "$demo/judges/b"
python measure_loras.py --checkpoint "$demo/checkpoint" --loras "$demo/loras" --judge "$demo/judges/b"
python measure_sets.py --checkpoint "$demo/checkpoint" --loras "$demo/loras" --judge "$demo/judges/b"
python overtone_sheets.py --to "$demo/sheets"
