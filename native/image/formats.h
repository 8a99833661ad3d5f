// What the codecs of the single formats share. Internal to libnanovlm_image.
#pragma once

#include "nanovlm_image.h"

#include <cstdio>

namespace nanovlm::image {

// Where a call leaves its one line of text.
struct Message {
    char *text;
    size_t size;

    template <typename... Args> void set(const char *format, Args... args) const {
        if (text != nullptr && size > 0) snprintf(text, size, format, args...);
    }
};

// Where the pixels go: none, or a buffer of this size.
struct Target {
    uint64_t max_pixels;
    int32_t channels; // 3, or 4 with alpha
    uint8_t *pixels;
    size_t size;
};

// Fill the info; decode as well where the target has a buffer.
int32_t read_jpeg(const uint8_t *data, size_t length, nvlm_image_info *info, const Target &target, Message message);
int32_t read_png(const uint8_t *data, size_t length, nvlm_image_info *info, const Target &target, Message message);
int32_t read_webp(const uint8_t *data, size_t length, nvlm_image_info *info, const Target &target, Message message);
int32_t write_png(const uint8_t *rgb, int32_t width, int32_t height, uint8_t **png, size_t *png_size, Message message);

inline int32_t refuse_size(uint64_t width, uint64_t height, const Target &target, Message message) {
    message.set("it is %llu x %llu pixels, more than the %llu pixels that are read", static_cast<unsigned long long>(width),
                static_cast<unsigned long long>(height), static_cast<unsigned long long>(target.max_pixels));
    return NVLM_IMAGE_TOO_LARGE;
}

inline int32_t refuse_buffer(size_t expected, size_t given, Message message) {
    message.set("the picture needs a buffer of %zu bytes, %zu were given", expected, given);
    return NVLM_IMAGE_BAD_ARGUMENT;
}

} // namespace nanovlm::image
