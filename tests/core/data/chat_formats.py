"""The chat formats of model families: how each one writes a conversation.

Written here after the formats that the makers describe, with their quirks: who trims, who refuses a
system turn, who hides earlier thoughts, who closes the whole text.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        template: As in a tokenizer's `chat_template`, "" for none.
        header: What stands before every answer, where it is learned.
        end: What closes an answer and is learned with it.
        closing: What closes the whole text, and is learned with the last answer.
        tokens: Special tokens, beside the start and the end of a text.
        bos, eos: Those two.
        system, tools: Whether turns of these roles are taken.
    """

    template: str
    header: str
    end: str
    tokens: tuple[str, ...] = ()
    closing: str = ""
    bos: str = "<s>"
    eos: str = "</s>"
    system: bool = True
    tools: bool = False


CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_2 = (
    "{% set given = messages[0]['role'] == 'system' %}"
    "{% for message in (messages[1:] if given else messages) %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant/…') }}{% endif %}"
    "{% set head = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% set content = head + message['content'] if given and loop.first else message['content'] %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA_3 = (
    "{% for message in messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.first %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
MISTRAL = (
    "{%- if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
    "{% set turns = messages[1:] %}{% else %}{% set system = none %}{% set turns = messages %}"
    "{%- endif %}{{- bos_token }}{%- for message in turns %}"
    "{%- if message['role'] == 'user' %}"
    "{%- if loop.last and system is not none %}{{- '[INST] ' + system + '\n\n' }}"
    "{%- else %}{{- '[INST] ' }}{%- endif %}{{- message['content'] + '[/INST]' }}"
    "{%- elif message['role'] == 'assistant' %}{{- ' ' + message['content'] + eos_token }}"
    "{%- else %}{{- raise_exception('Only user and assistant roles are supported.') }}"
    "{%- endif %}{%- endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
PHI_3 = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
QWEN_3 = (
    "{%- set ns = namespace(last=0) %}{%- for message in messages %}"
    "{%- if message.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}"
    "{%- for message in messages %}{%- if message.role == 'assistant' %}"
    "{%- set content = message.content.split('</think>')[-1].lstrip('\n') %}"
    "{%- set thought = '' %}{%- if '</think>' in message.content %}{%- set thought ="
    " message.content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}"
    "{%- endif %}{{- '<|im_start|>assistant\n' }}{%- if loop.index0 > ns.last %}"
    "{{- '<think>\n' + thought.strip('\n') + '\n</think>\n\n' }}{%- endif %}"
    "{{- content + '<|im_end|>\n' }}"
    "{%- elif message.role == 'tool' %}{{- '<|im_start|>user\n<tool_response>\n' }}"
    "{{- message.content + '\n</tool_response><|im_end|>\n' }}"
    "{%- else %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)
DEEPSEEK_R1 = (
    "{% set ns = namespace(system='') %}{%- for message in messages %}"
    "{%- if message['role'] == 'system' %}{% set ns.system = message['content'] %}{%- endif %}"
    "{%- endfor %}{{ bos_token }}{{ ns.system }}{%- for message in messages %}"
    "{%- if message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}{%- endif %}"
    "{%- if message['role'] == 'assistant' %}"
    "{{ '<｜Assistant｜>' + message['content'].split('</think>')[-1] + eos_token }}{%- endif %}"
    "{%- endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\n' }}{% endif %}"
)
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n"
    "{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n"
    "{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n"
    "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
FALCON = (
    "{% for message in messages %}{% if not loop.first %}{{ '\n' }}{% endif %}"
    "{{ message['role'].capitalize() + ': ' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '\nAssistant:' }}{% endif %}"
)

_IM = ("<|im_start|>", "<|im_end|>")
_HEADERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
FORMATS = {
    "ChatML": Format(CHATML, "<|im_start|>assistant\n", "<|im_end|>", _IM, tools=True),
    "Llama 2": Format(LLAMA_2, "[/INST]", "</s>"),
    "Llama 3": Format(
        LLAMA_3,
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
        _HEADERS,
        tools=True,
    ),
    "Mistral": Format(MISTRAL, "[/INST]", "</s>"),
    "Gemma": Format(
        GEMMA,
        "<start_of_turn>model\n",
        "<end_of_turn>",
        ("<start_of_turn>", "<end_of_turn>"),
        system=False,
    ),
    "Phi 3": Format(
        PHI_3,
        "<|assistant|>\n",
        "<|end|>",
        ("<|user|>", "<|assistant|>", "<|system|>", "<|end|>", "<|tool|>"),
        closing="\n</s>",
        tools=True,
    ),
    "Qwen 3": Format(QWEN_3, "<|im_start|>assistant\n", "<|im_end|>", _IM, tools=True),
    "DeepSeek R1": Format(
        DEEPSEEK_R1,
        "<｜Assistant｜>",
        "<｜end▁of▁sentence｜>",
        ("<｜User｜>", "<｜Assistant｜>"),
        bos="<｜begin▁of▁sentence｜>",
        eos="<｜end▁of▁sentence｜>",
    ),
    "Zephyr": Format(ZEPHYR, "<|assistant|>\n", "</s>"),
    "Falcon": Format(FALCON, "Assistant:", "</s>"),
    "base": Format("", "", "</s>", system=True),
}
