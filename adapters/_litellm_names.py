"""What of LiteLLM may be used through a guarded client besides generation: nothing here generates.

An explicit list, because what LiteLLM adds later must not slip past the guard unread.
"""

from __future__ import annotations

HARMLESS = frozenset(
    {
        # reading tokens, prices and model facts
        "completion_cost",
        "cost_per_token",
        "create_pretrained_tokenizer",
        "create_tokenizer",
        "decode",
        "encode",
        "get_llm_provider",
        "get_max_tokens",
        "get_model_cost_map",
        "get_model_info",
        "get_supported_openai_params",
        "get_valid_models",
        "model_cost",
        "model_list",
        "models_by_provider",
        "provider_list",
        "token_counter",
        "trim_messages",
        "check_valid_key",
        "validate_environment",
        # what a model can do
        "supports_audio_input",
        "supports_audio_output",
        "supports_function_calling",
        "supports_parallel_function_calling",
        "supports_pdf_input",
        "supports_prompt_caching",
        "supports_reasoning",
        "supports_response_schema",
        "supports_system_messages",
        "supports_tool_choice",
        "supports_vision",
        "supports_web_search",
        # putting a stream's chunks together again
        "stream_chunk_builder",
        "stream_chunk_builder_text_completion",
        # classifying, not generating
        "moderation",
        "amoderation",
        # settings, to be read here and set on litellm itself
        "cache",
        "callbacks",
        "drop_params",
        "failure_callback",
        "input_callback",
        "modify_params",
        "num_retries",
        "request_timeout",
        "set_verbose",
        "success_callback",
        "suppress_debug_info",
        # types of replies
        "Choices",
        "EmbeddingResponse",
        "ImageResponse",
        "Message",
        "ModelResponse",
        "ModelResponseStream",
        "TextCompletionResponse",
        "Usage",
    }
)
"""Attributes of the litellm module passed on as they are; exception classes are too."""

ROUTER_HARMLESS = frozenset(
    {
        "add_deployment",
        "cooldown_cache",
        "default_litellm_params",
        "delete_deployment",
        "deployment_names",
        "discard",
        "fallbacks",
        "flush_cache",
        "get_deployment",
        "get_deployment_by_model_group_name",
        "get_model_group_info",
        "get_model_group_usage",
        "get_model_ids",
        "get_model_info",
        "get_model_list",
        "get_model_names",
        "get_settings",
        "has_model_id",
        "model_list",
        "model_names",
        "num_retries",
        "reset",
        "routing_strategy",
        "set_model_list",
        "timeout",
        "update_settings",
        "upsert_deployment",
        "validate_fallbacks",
    }
)
"""Attributes of a litellm.Router passed on as they are."""

CONTENT_SETTINGS = frozenset(
    {
        "assistant_continue_message",
        "custom_prompt_dict",
        "extra_body",
        "final_prompt_value",
        "litellm_system_prompt",
        "prediction",
        "prompt_variables",
        "quality",
        "roles",
        "style",
        "user_continue_message",
    }
)
"""Arguments LiteLLM counts as settings although their text reaches the model."""
