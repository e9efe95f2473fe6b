#!/usr/bin/env python3
"""What Jinja and transformers make of chat templates, for the tests of qwen2/jinja and qwen2/tokenizer.

    python bench/peers/chat_templates.py --tokenizer DIR          # writes both testdata/templates.json

DIR has Qwen2.5's tokenizer.json and tokenizer_config.json. The templates are in the styles of ChatML, Llama 3, Mistral,
Zephyr, Gemma and models that think; snippets.json holds single expressions and statements.
"""
import argparse, json, pathlib

TOOL = {"type": "function", "function": {"name": "weather", "description": "Wetter <heute> & morgen",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "number"}}}}}
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "서울", "days": 2}}}

CHATS = {
    "turns": [{"role": "user", "content": " Hi, \"there\" <b>&'\n"}, {"role": "assistant", "content": "안녕! ☃"},
              {"role": "user", "content": "더"}, {"role": "assistant", "content": "é e\u0301\n\nend  "}],
    "system": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a"},
               {"role": "assistant", "content": "b"}],
    "tools": [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": None, "tool_calls": [CALL]},
              {"role": "tool", "tool_call_id": "abcdefghi", "name": "weather", "content": "{\"t\": 3.0}"},
              {"role": "assistant", "content": "3°"}],
    "thought": [{"role": "user", "content": "1+1"}, {"role": "assistant", "reasoning_content": "one\nmore", "content": "2"}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image"}]},
              {"role": "assistant", "content": "y"}],
}

TEMPLATES = {
    "chatml": """{% for m in messages %}{% if loop.first and m['role'] != 'system' %}{{ '<|im_start|>system\\nHelp.<|im_end|>\\n' }}{% endif %}
{{ '<|im_start|>' + m['role'] + '\\n' + (m['content'] or '') + '<|im_end|>' + '\\n' }}
{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
""",
    "llama": """{{- bos_token | default('<|begin|>') }}
{%- if tools is not none and tools is defined %}{% set with_tools = true %}{% endif %}
{%- if messages[0].role == 'system' %}
    {%- set system = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<|start|>system<|end|>\\n\\n" + system }}
{%- for t in tools or [] %}{{ "\\n" ~ (t | tojson(indent=4)) }}{% endfor %}{{ "<|eot|>" }}
{%- for message in messages %}
    {%- if message.role == 'tool' or message.role == "ipython" %}
        {{- "<|start|>ipython<|end|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable and message.content is not string %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
        {{- "<|eot|>" }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("one call only") }}{%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start|>assistant<|end|>\\n\\n{"name": "' + call.name + '", ' -}}
        {{- '"parameters": ' }}{{- call.arguments | tojson }}{{- "}<|eot|>" }}
    {%- else %}
        {{- '<|start|>' + message['role'] + '<|end|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start|>assistant<|end|>\\n\\n' }}{%- endif %}
""",
    "mistral": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}{%- set loop_messages = messages[1:] %}
{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- set users = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages if message.role in ["user", "assistant"] and message.tool_calls is not defined %}
    {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}{{- raise_exception("roles must alternate") }}{%- endif %}
    {%- set ns.index = ns.index + 1 %}
{%- endfor %}
{{- '<s>' }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == users[-1]) %}{{- "[TOOLS] [" }}
            {%- for tool in tools %}{{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.function.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}{{- "}}" }}{{- ", " if not loop.last else "]" }}
            {%- endfor %}{{- "[/TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}{{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- elif message.content is string %}{{- "[INST] " + message["content"] + "[/INST]" }}
        {%- else %}{{- "[INST]" }}{% for b in message.content %}{{ b.text if b['type'] == 'text' else '[IMG]' }}{% endfor %}{{- "[/INST]" }}{%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[CALLS] [" }}{%- for tool_call in message.tool_calls %}{%- set out = tool_call.function|tojson %}{{- out[:-1] }}
            {%- if tool_call.id is undefined or tool_call.id|length != 9 %}{{- raise_exception("an id has 9 characters") }}{%- endif %}
            {{- ', "id": "' + tool_call.id[-9:] + '"}' }}{{- ", " if not loop.last else "]</s>" }}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}{{- " " + message["content"]|trim + "</s>" }}
    {%- elif message["role"] in ["tool_results", "tool"] %}{{- '[RESULTS] {"content": ' + message.content|string + ', "call_id": "' + message.tool_call_id + '"}[/RESULTS]' }}
    {%- else %}{{- raise_exception("Only user and assistant roles!") }}
    {%- endif %}
{%- endfor %}
""",
    "zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + '</s>' }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + '</s>' }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + '</s>' }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    "gemma": """{{ '<bos>' }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start>' + role + '\\n' + message['content'] | trim + '<end>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start>model\\n'}}{% endif %}
""",
    "thinking": """{%- macro text_of(content) -%}
{%- if content is string %}{{- content }}{%- elif content is iterable and content is not mapping %}
{%- for item in content %}{%- if item is mapping and item.type == 'text' %}{{- item.text }}{%- endif %}{%- endfor %}
{%- endif %}
{%- endmacro -%}
{%- set ns = namespace(last=-1, multi=true) %}
{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi and message.role == "user" and not(text_of(message.content).startswith('<r>') and text_of(message.content).endswith('</r>')) %}
        {%- set ns.multi = false %}{%- set ns.last = index %}{%- endif %}
{%- endfor %}
{%- for m in messages %}
    {%- if m.role == "assistant" %}
        {%- set content, thought = text_of(m.content), '' %}
        {%- if m.reasoning_content is string %}{%- set thought = m.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + m.role + '\\n' }}{% generation %}
        {%- if loop.index0 > ns.last and (loop.last or thought) %}{{- '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' }}{%- endif %}
        {{- content.lstrip('\\n') }}
        {%- for tc in m.tool_calls or [] %}{%- set tc = tc.function if tc.function else tc %}
            {{- '\\n<tool_call>' + tc.name ~ '\\n' }}{%- for k, v in (tc.arguments or {}).items() %}{{- k ~ '=' ~ (v | tojson(ensure_ascii=False) if v is not string else v) ~ ';' }}{%- endfor %}{{- '</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>' }}{%- endgeneration %}{{- '\\n' }}
    {%- elif m.role == 'tool' %}
        {%- if loop.first or loop.previtem.role != "tool" %}{{- '<|im_start|>user' }}{%- endif %}{{- '\\n<r>\\n' ~ m.content ~ '\\n</r>' }}
        {%- if loop.last or loop.nextitem.role != "tool" %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- else %}{{- '<|im_start|>' + m.role + '\\n' + text_of(m.content) + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}
""",
}


def runs(mask):
    """Where a mask changes, so that it is short to write."""
    out, before = [], 0
    for i, x in enumerate(mask + [0]):
        if x != before:
            out.append(i)
        before = x
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tokenizer", required=True)
    p.add_argument("--output", default="qwen2/tokenizer/testdata/templates.json")
    p.add_argument("--snippets", default="qwen2/jinja/testdata/snippets.json")
    a = p.parse_args()
    import transformers
    from transformers.utils.chat_template_utils import _compile_jinja_template
    tok = transformers.AutoTokenizer.from_pretrained(a.tokenizer)
    results = []
    for name, template in TEMPLATES.items():
        for chat, messages in CHATS.items():
            for prompt in (False, True):
                tools = [TOOL] if chat == "tools" else None
                r = {"template": name, "chat": chat, "prompt": prompt}
                try:
                    r["text"] = tok.apply_chat_template(messages, tools=tools, chat_template=template, tokenize=False,
                                                        add_generation_prompt=prompt)
                    if "% generation" in template and not prompt:
                        out = tok.apply_chat_template(messages, tools=tools, chat_template=template, return_dict=True,
                                                      return_assistant_tokens_mask=True)
                        r["mask"], r["tokens"] = runs(out["assistant_masks"]), len(out["input_ids"])
                except Exception as e:
                    r["refused"] = type(e).__name__
                if prompt and chat != "turns":
                    continue
                results.append(r)
    doc = {"transformers": transformers.__version__, "tool": TOOL, "chats": CHATS, "templates": TEMPLATES, "results": results}
    write(a.output, doc)

    path = pathlib.Path(a.snippets)
    doc = json.loads(path.read_text())
    for s in doc["snippets"]:
        s.pop("refused", None)
        try:
            s["want"] = _compile_jinja_template(s["source"]).render(**doc["values"])
        except Exception as e:
            s["want"], s["refused"] = "", type(e).__name__
    write(path, doc)


def write(path, doc):
    pathlib.Path(path).write_text(json.dumps(doc, ensure_ascii=False, separators=(",", ":")).replace('{"source"', '\n{"source"')
                                  .replace('{"template"', '\n{"template"') + "\n")


main()
