# Warnings and build options as INTERFACE targets: link them, PRIVATE, into every target of ours.
add_library(wb_options INTERFACE)
target_compile_options(wb_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align -Woverloaded-virtual
  -Wconversion -Wsign-conversion -Wnull-dereference -Wdouble-promotion -Wformat=2 -Wimplicit-fallthrough
  $<$<BOOL:${WB_WERROR}>:-Werror>)
if(WB_SANITIZE)
  target_compile_options(wb_options INTERFACE -fsanitize=${WB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(wb_options INTERFACE -fsanitize=${WB_SANITIZE})
endif()
