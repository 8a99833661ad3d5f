// JPEG over libjpeg-turbo: the slow integer DCT and smooth chroma upsampling, libjpeg's defaults and Pillow's.
#include "formats.h"

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jerror.h>
#include <jpeglib.h>

namespace nanovlm::image {
namespace {

// Progressive files may repeat scans without end: a few bytes each, a pass over the whole picture each.
constexpr int max_scans = 500;

struct Errors {
    jpeg_error_mgr manager; // first: libjpeg's err pointer is a pointer to this struct
    jmp_buf escape;
    Message message;
};

[[noreturn]] void fail(j_common_ptr info) {
    auto *errors = reinterpret_cast<Errors *>(info->err);
    if (errors->message.text != nullptr && errors->message.text[0] == '\0') {
        char text[JMSG_LENGTH_MAX];
        errors->manager.format_message(info, text);
        errors->message.set("its JPEG data cannot be read: %s", text);
    }
    longjmp(errors->escape, 1);
}

[[noreturn]] void fail_truncated(j_common_ptr info) {
    reinterpret_cast<Errors *>(info->err)->message.set("its JPEG data ends before the picture does; the file is truncated");
    fail(info);
}

// libjpeg goes on with grey pixels where data is missing; that is a failure here. Other warnings
// (stray bytes before a marker, odd headers) leave the picture as it is.
void warn(j_common_ptr info, int level) {
    if (level < 0 && info->err->msg_code == JWRN_HIT_MARKER) fail_truncated(info);
}

void ignore(j_common_ptr) {}
void ignore_source(j_decompress_ptr) {}

boolean refill(j_decompress_ptr info) { fail_truncated(reinterpret_cast<j_common_ptr>(info)); }

void skip(j_decompress_ptr info, long count) {
    if (count <= 0) return;
    if (static_cast<size_t>(count) > info->src->bytes_in_buffer) fail_truncated(reinterpret_cast<j_common_ptr>(info));
    info->src->next_input_byte += count;
    info->src->bytes_in_buffer -= static_cast<size_t>(count);
}

void limit_scans(j_common_ptr common) {
    auto *info = reinterpret_cast<j_decompress_ptr>(common);
    if (info->input_scan_number <= max_scans) return;
    reinterpret_cast<Errors *>(common->err)->message.set("its JPEG data has more than %d scans", max_scans);
    fail(common);
}

uint8_t multiply(int a, int b) {
    int product = a * b + 128;
    return static_cast<uint8_t>(((product >> 8) + product) >> 8);
}

// Four-channel JPEGs hold inverted ink, as Adobe writes them: 255 is no ink.
void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, int width) {
    for (int x = 0; x < width; x++, cmyk += 4, rgb += 3)
        for (int c = 0; c < 3; c++) rgb[c] = static_cast<uint8_t>(cmyk[3] - multiply(255 - cmyk[c], cmyk[3]));
}

} // namespace

int32_t read_jpeg(const uint8_t *data, size_t length, nvlm_image_info *picture, const Target &target, Message message) {
    jpeg_decompress_struct info{};
    Errors errors{};
    errors.message = message;
    info.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = fail;
    errors.manager.emit_message = warn;
    errors.manager.output_message = ignore;

    jpeg_source_mgr source{};
    source.next_input_byte = data;
    source.bytes_in_buffer = length;
    source.init_source = ignore_source;
    source.fill_input_buffer = refill;
    source.skip_input_data = skip;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = ignore_source;

    jpeg_progress_mgr progress{};
    progress.progress_monitor = limit_scans;

    if (setjmp(errors.escape)) {
        bool out_of_memory = errors.manager.msg_code == JERR_OUT_OF_MEMORY;
        jpeg_destroy_decompress(&info);
        return out_of_memory ? NVLM_IMAGE_OUT_OF_MEMORY : NVLM_IMAGE_CORRUPT;
    }
    jpeg_create_decompress(&info);
    info.src = &source;
    info.progress = &progress;
    jpeg_read_header(&info, TRUE);
    *picture = {static_cast<int32_t>(info.image_width), static_cast<int32_t>(info.image_height), 0};
    const uint64_t pixels = static_cast<uint64_t>(info.image_width) * info.image_height;
    int32_t status = NVLM_IMAGE_OK;
    if (pixels > target.max_pixels) {
        status = refuse_size(info.image_width, info.image_height, target, message);
    } else if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4) {
        message.set("its JPEG data has %d channels; 1, 3 and 4 are supported", info.num_components);
        status = NVLM_IMAGE_CORRUPT;
    } else if (!info.arith_code && pixels / 512 > length) {
        // Huffman codes spend a bit at least on each block of 64 pixels: so little data cannot hold the picture, and no memory is spent on it.
        message.set("its JPEG data ends before the picture does; %zu bytes cannot hold %u x %u pixels", length, info.image_width, info.image_height);
        status = NVLM_IMAGE_CORRUPT;
    } else if (target.pixels != nullptr && (target.channels != 3 || target.size != pixels * 3)) {
        status = refuse_buffer(pixels * 3, target.size, message);
    } else if (target.pixels != nullptr) {
        const bool cmyk = info.num_components == 4;
        info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
        jpeg_start_decompress(&info);
        JSAMPARRAY row = nullptr;
        if (cmyk) row = info.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&info), JPOOL_IMAGE, info.output_width * 4, 1);
        while (info.output_scanline < info.output_height) {
            uint8_t *line = target.pixels + static_cast<size_t>(info.output_scanline) * info.output_width * 3;
            if (cmyk) {
                jpeg_read_scanlines(&info, row, 1);
                cmyk_to_rgb(row[0], line, static_cast<int>(info.output_width));
            } else {
                jpeg_read_scanlines(&info, &line, 1);
            }
        }
        jpeg_finish_decompress(&info);
    }
    jpeg_destroy_decompress(&info);
    return status;
}

} // namespace nanovlm::image
