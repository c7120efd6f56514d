"""Silences warnings that say what lora_loading.py already audits, so that what remains on the screen is worth reading."""

import logging
import warnings

import diffusers
import transformers

warnings.filterwarnings("ignore", message="The following (alpha|rank)_pattern keys")
warnings.filterwarnings("ignore", category=FutureWarning)
warnings.filterwarnings("ignore", message="Already found a `peft_config`")
logging.getLogger("diffusers").setLevel(logging.ERROR)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
