#!/usr/bin/env bash
# Usage: scripts/environment.sh robot|evaluate|test|lint
# Makes .venv and installs what the set needs; does nothing when that is done already.
# PYTHON=/path/to/python chooses the Python. Where a ROS 2 is sourced, .venv sees its packages; elsewhere ROS 2 Jazzy
# comes as wheels. Every way to fail prints one line and returns 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SET="${1:-robot}" VENV=.venv
readonly UNFINISHED=$VENV/unfinished LOG=$VENV/install.log
# A re-executed interpreter of another environment leaves its library path behind; wheels must find their own.
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE PYTHONHOME

fail() {
    echo "environment: $*" >&2
    exit 1
}

supported() { # is $1 a Python that runs and is 3.10, 3.11 or 3.12?
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' >/dev/null 2>&1
}

imports() { # imports PYTHON MODULE[,MODULE]
    "$1" -c "import $2" >/dev/null 2>&1
}

choose_python() { # sets PYTHON_PATH and WITH_ROS
    local name any='' rclpy='' found
    for name in ${PYTHON:-python3 python3.12 python3.11 python3.10}; do
        if ! supported "$name"; then continue; fi
        any=${any:-$name} WITH_ROS=no
        if [[ -n ${ROS_DISTRO:-}${AMENT_PREFIX_PATH:-} ]] && imports "$name" rclpy; then
            rclpy=${rclpy:-$name} WITH_ROS=yes
        elif [[ -n ${ROS_DISTRO:-} ]]; then
            continue
        fi
        if imports "$name" venv,ensurepip; then
            PYTHON_PATH=$(command -v "$name")
            return
        fi
    done
    if [[ -z $any ]]; then
        found=$(command -v "${PYTHON:-python3}" >/dev/null && "${PYTHON:-python3}" --version 2>&1) || found=none
        fail "needs Python 3.10, 3.11 or 3.12, found $found: install one of them or name it with PYTHON=/path/to/python3.12"
    elif [[ -n ${ROS_DISTRO:-} && -z $rclpy ]]; then
        fail "ROS 2 $ROS_DISTRO is sourced, but $any cannot import its rclpy: install ros-$ROS_DISTRO-rclpy, or use a shell without ROS"
    fi
    fail "${rclpy:-$any} has no venv module: run 'sudo apt install python3-venv' (or python3.X-venv for that Python) and try again"
}

fingerprint() { # of everything that the content of .venv depends on
    { echo "$PWD" "$PYTHON_PATH" "$WITH_ROS" "${ROS_DISTRO:-}"; "$PYTHON_PATH" --version
      cat "${BASH_SOURCE[0]}" setup.py requirements/*.txt; } | sha256sum | cut -c 1-16
}

make_venv() {
    local site=()
    if [[ $WITH_ROS == yes ]]; then site=(--system-site-packages); fi
    rm -rf $VENV
    "$PYTHON_PATH" -m venv "${site[@]}" $VENV >/dev/null 2>&1 ||
        fail "'$PYTHON_PATH -m venv $VENV' failed: is the disk full or the folder read-only?"
    touch $UNFINISHED
}

install() { # install PIP_ARGUMENT...
    # Shows what is downloaded; the rest goes to the log.
    $VENV/bin/python -m pip install --disable-pip-version-check "$@" 2>&1 | tee -a $LOG |
        { grep --line-buffered -E '^ *Downloading .* [MG]B\)' || true; } && return
    local cause
    cause=$(grep -E '^ *ERROR: ' $LOG | tail -n 1 | sed 's/^ *ERROR: //') || true
    fail "pip could not install what '$SET' needs (${cause:-see $LOG}): check the network, or point PIP_INDEX_URL or PIP_FIND_LINKS at a package index; details in $LOG"
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; }

cpu_index() { # prints the pip option for torch's CPU builds where they can be reached and no GPU is there
    local index=https://download.pytorch.org/whl/cpu
    if has_gpu; then return; fi
    if $VENV/bin/python -c "import urllib.request as u; u.urlopen('$index/torch/', timeout=5)" >/dev/null 2>&1; then
        echo "--extra-index-url=$index"
    fi
}

robot_requirements() {
    if [[ $WITH_ROS == no ]]; then
        cat requirements/robot.txt requirements/ros-wheels.txt
    elif imports "$VENV/bin/python" cv2; then # the OpenCV that cv_bridge was built with stays
        grep -v opencv requirements/robot.txt
    else
        cat requirements/robot.txt
    fi
}

constraints() { # packages of a sourced ROS are built against one major version of numpy: it stays
    if [[ $WITH_ROS == yes ]] && imports "$VENV/bin/python" numpy; then
        $VENV/bin/python -c 'import numpy; print("numpy<%d" % (int(numpy.__version__.split(".")[0]) + 1))'
    fi
}

install_set() {
    : >$LOG
    constraints >$VENV/constraints.txt
    robot_requirements >$VENV/robot.txt
    local common=(-c $VENV/constraints.txt)
    # The tests import a small part of what they install: Python compiles that when it comes to it.
    if [[ $SET == test ]]; then common+=(--no-compile); fi
    case $SET in
    lint) install -r requirements/lint.txt ;;
    robot) install "${common[@]}" -r requirements/build.txt -r $VENV/robot.txt ;;
    evaluate | test)
        # shellcheck disable=SC2046  # nothing or one option
        install "${common[@]}" $(cpu_index) -r requirements/build.txt -r $VENV/robot.txt -r "requirements/$SET.txt" ;;
    esac
    if [[ $SET == lint ]]; then return; fi
    install --no-deps --no-build-isolation --editable .
    # Without these messages everything but detections works, so that this may fail: it says why itself.
    if [[ $WITH_ROS == no ]]; then $VENV/bin/python scripts/build_vision_msgs.py || true; fi
}

main() {
    case $SET in robot | evaluate | test | lint) ;; *) fail "unknown set '$SET': use robot, evaluate, test or lint" ;; esac
    trap 'fail "interrupted: the next run begins afresh"' INT TERM
    choose_python
    local print stamp
    print=$(fingerprint)
    stamp=$VENV/installed-$SET
    # Two terminals must not install at once; the second one waits, then finds the work done.
    exec 9>.venv.lock
    if command -v flock >/dev/null; then flock 9; fi
    if [[ -e $stamp && $(cat "$stamp") == "$print" && ! -e $UNFINISHED ]]; then return; fi
    # After an interruption, or for another Python or place, begin afresh: pip keeps what it downloaded.
    if [[ -e $UNFINISHED || ! -x $VENV/bin/python || $(cat $VENV/base 2>/dev/null) != "$PWD $PYTHON_PATH $WITH_ROS" ]]; then
        make_venv
    fi
    touch $UNFINISHED
    install_set
    echo "$PWD $PYTHON_PATH $WITH_ROS" >$VENV/base
    rm $UNFINISHED
    echo "$print" >"$stamp"
    # .venv serves the robot set too once the tests' set is in.
    if [[ $SET == test ]]; then
        echo "$print" | tee $VENV/installed-robot $VENV/installed-evaluate >$VENV/installed-lint
    elif [[ $SET == evaluate ]]; then
        echo "$print" >$VENV/installed-robot
    fi
}

main
