"""Write a tiny model with random weights in llama.cpp's own format: `tiny_model.py FILE`.

It knows nothing; it only has what a server needs to run, so that what is tested is everything
around a model. Bytes from 0x80 are plain text here: random weights would else make invalid UTF-8.
"""

import sys

import gguf
import numpy as np

WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT = 64, 2, 4, 128, 32768
NORMAL, CONTROL, BYTE, UNKNOWN = 1, 3, 6, 2
WORDS = (
    "de het een en van in op uw u wij kunt kan is niet voor met naar dit melding afspraak gemeente "
    "website straat afval paspoort lamp weg boom bellen vraag antwoord graag dank hoi beste kijken"
)
CLOSERS = tuple(
    f'"{gap}{sign}{more}' for sign in ",}" for gap in ("", " ", "\n") for more in " \n\t"
)
"""Ways to end a string, so that chance soon ends one: else answers run on till they are cut."""

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokens() -> list[tuple[str, int]]:
    """Return each token with its type: marks, bytes, letters, a few words."""
    marks = [("<unk>", UNKNOWN), *((each, CONTROL) for each in ("<s>", "</s>"))]
    marks += [(each, CONTROL) for each in ("<|im_start|>", "<|im_end|>")]
    bytes = [(f"<0x{byte:02X}>", BYTE if byte < 0x80 else NORMAL) for byte in range(256)]
    letters = [(chr(code), NORMAL) for code in range(0x21, 0x7F)]
    closers = [(each.replace(" ", "▁"), NORMAL) for each in CLOSERS]
    words = [(f"▁{each}", NORMAL) for each in WORDS.split()]
    return [*marks, *bytes, *letters, *closers, ("▁", NORMAL), *words]


def write(path: str) -> None:
    """Write the model to `path`."""
    known = tokens()
    weights = np.random.default_rng(20260101)

    def tensor(*shape: int, spread: float = 0.05) -> np.ndarray:
        return (weights.standard_normal(shape) * spread).astype(np.float32)

    out = gguf.GGUFWriter(path, "llama")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(HIDDEN)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_dimension_count(WIDTH // HEADS)
    out.add_vocab_size(len(known))
    out.add_file_type(0)
    out.add_tokenizer_model("llama")
    out.add_token_list([text.encode() for text, _ in known])
    out.add_token_scores(
        [-float(n) if type == NORMAL else 0.0 for n, (_, type) in enumerate(known)]
    )
    out.add_token_types([type for _, type in known])
    out.add_bos_token_id(1)
    out.add_eos_token_id(4)
    out.add_unk_token_id(0)
    out.add_add_bos_token(True)
    # With it the grammar refuses the chat's header ("Failed to initialize samplers").
    out.add_add_space_prefix(False)
    out.add_chat_template(TEMPLATE)
    out.add_tensor("token_embd.weight", tensor(len(known), WIDTH, spread=1.0))
    out.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    out.add_tensor("output.weight", tensor(len(known), WIDTH, spread=0.15))
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            out.add_tensor(f"{at}{norm}.weight", np.ones(WIDTH, np.float32))
        for square in ("attn_q", "attn_k", "attn_v", "attn_output"):
            out.add_tensor(f"{at}{square}.weight", tensor(WIDTH, WIDTH))
        for up in ("ffn_gate", "ffn_up"):
            out.add_tensor(f"{at}{up}.weight", tensor(HIDDEN, WIDTH))
        out.add_tensor(f"{at}ffn_down.weight", tensor(WIDTH, HIDDEN))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    write(sys.argv[1])
