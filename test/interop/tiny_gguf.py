"""tiny_gguf.py OUT.gguf: a two-layer llama with random weights, so that a real engine runs without any download."""

import sys

import gguf
import numpy as np

DIM, LAYERS, HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 128, 2048
SPECIAL = [b"<unk>", b"<s>", b"</s>"]
BYTES = [f"<0x{value:02X}>".encode() for value in range(256)]
TOKENS = SPECIAL + BYTES
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "

random = np.random.default_rng(1)


def weights(*shape):
    return (random.standard_normal(shape) * 0.05).astype(np.float32)


writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_name("tiny-random")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(DIM)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(FEED_FORWARD)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(DIM // HEADS)
writer.add_vocab_size(len(TOKENS))
writer.add_file_type(gguf.LlamaFileType.ALL_F32)

kind = gguf.TokenType
writer.add_tokenizer_model("llama")
writer.add_token_list(TOKENS)
writer.add_token_scores([0.0] * len(TOKENS))
writer.add_token_types([kind.UNKNOWN, kind.CONTROL, kind.CONTROL] + [kind.BYTE] * len(BYTES))
writer.add_unk_token_id(0)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_add_bos_token(True)
writer.add_chat_template(TEMPLATE)

output = weights(len(TOKENS), DIM)
# Special tokens and control characters are rare in its answers.
output[: len(SPECIAL) + 32] *= 0.01
ones = np.ones(DIM, np.float32)
writer.add_tensor("token_embd.weight", weights(len(TOKENS), DIM))
writer.add_tensor("output_norm.weight", ones)
writer.add_tensor("output.weight", output)
for layer in range(LAYERS):
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.{layer}.{name}.weight", ones)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.{layer}.{name}.weight", weights(DIM, DIM))
    writer.add_tensor(f"blk.{layer}.ffn_gate.weight", weights(FEED_FORWARD, DIM))
    writer.add_tensor(f"blk.{layer}.ffn_up.weight", weights(FEED_FORWARD, DIM))
    writer.add_tensor(f"blk.{layer}.ffn_down.weight", weights(DIM, FEED_FORWARD))

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
