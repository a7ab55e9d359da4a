#!/bin/sh
# Build llama.cpp's server from the sources inside llama-cpp-python's package, into the folder $1.
# Needs a C++ compiler; takes about seven minutes on two cores, once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
test -x venv/bin/pip || python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	--requirement "$here/requirements.txt"
venv/bin/pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
	--no-binary :all: --requirement "$here/sources.txt"
tar xf llama_cpp_python-*.tar.gz
sources=$(echo "$PWD"/llama_cpp_python-*/vendor/llama.cpp)
PATH="$PWD/venv/bin:$PATH"
cmake -S "$sources" -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
	-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF \
	-DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF >build.log
nice ninja -C build llama-server >>build.log || { tail -20 build.log; exit 1; }
venv/bin/python "$here/tiny_model.py" tiny.gguf
rm -rf llama_cpp_python-*
touch done
